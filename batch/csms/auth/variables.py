"""Every variable that may say who logs in, whichever tool it is from: one table of what is taken and what is not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from batch.csms.auth.credential import CredentialError
from batch.redaction.masked import Masked

IAM_ENDPOINT_VARIABLE = "HUAWEICLOUD_SDK_IAM_ENDPOINT"


def _host_alone(text: str) -> str:
    """OpenStack writes the version of the API behind the address."""
    return text.strip().rstrip("/").removesuffix("/v3").rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One thing and every variable that gives it, the name used in this program first; `secret` may never be shown."""

    names: tuple[str, ...]
    secret: bool = False
    tidy: Callable[[str], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Variables of a login that this program does not offer, and what to do instead. One that `always` counts would
    change who acts, or whom we talk to, with every login; another only where no login is chosen. Of
    `harmless` values nothing is said.
    """

    names: tuple[str, ...]
    cure: str
    always: bool = False
    secret: bool = False
    harmless: frozenset[str] = frozenset()


TAKEN = (
    Meaning(names=("CSMS_REKEY_TOKEN", "OS_TOKEN", "OS_AUTH_TOKEN", "HW_AUTH_TOKEN"), secret=True),
    Meaning(names=("HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY", "OS_ACCESS_KEY"), secret=True),
    Meaning(names=("HUAWEICLOUD_SDK_SK", "HW_SECRET_KEY", "OS_SECRET_KEY"), secret=True),
    Meaning(names=("HUAWEICLOUD_SDK_SECURITY_TOKEN", "HW_SECURITY_TOKEN"), secret=True),
    Meaning(names=("HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID")),
    Meaning(names=("OS_PROJECT_NAME", "HW_PROJECT_NAME", "OS_TENANT_NAME")),
    Meaning(names=(IAM_ENDPOINT_VARIABLE, "OS_AUTH_URL", "HW_AUTH_URL"), tidy=_host_alone),
    Meaning(names=("HUAWEICLOUD_SDK_STS_ENDPOINT",), tidy=_host_alone),
    Meaning(names=("OS_USERNAME", "HW_USER_NAME")),
    Meaning(names=("OS_PASSWORD", "HW_USER_PASSWORD"), secret=True),
    Meaning(names=("OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME", "HW_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME")),
    Meaning(
        names=("OS_USER_DOMAIN_ID", "OS_DOMAIN_ID", "HW_DOMAIN_ID", "OS_PROJECT_DOMAIN_ID", "HUAWEICLOUD_SDK_DOMAIN_ID")
    ),
    Meaning(names=("HW_ASSUME_ROLE_AGENCY_NAME", "OS_AGENCY_NAME")),
    Meaning(names=("HW_ASSUME_ROLE_DOMAIN_NAME", "OS_AGENCY_DOMAIN_NAME")),
    Meaning(names=("HUAWEICLOUD_SDK_CREDENTIALS_FILE",)),
    Meaning(names=("HW_SHARED_CONFIG_FILE",)),
    Meaning(names=("HW_CLOUD",)),
    Meaning(names=("HUAWEICLOUD_SDK_IDP_ID",)),
    Meaning(names=("HUAWEICLOUD_SDK_ID_TOKEN_FILE",)),
    Meaning(names=("HUAWEICLOUD_OIDC_PROVIDER_URN",)),
    Meaning(names=("HUAWEICLOUD_OIDC_AGENCY_URN",)),
    Meaning(names=("HUAWEICLOUD_OIDC_ID_TOKEN",), secret=True),
    Meaning(names=("HUAWEICLOUD_OIDC_TOKEN_FILE",)),
    Meaning(names=("HUAWEICLOUD_OIDC_SESSION_NAME",)),
    Meaning(names=("HUAWEICLOUD_OIDC_DURATION_SECONDS",)),
    Meaning(names=("HUAWEICLOUD_OIDC_POLICY",)),
    Meaning(names=("HUAWEICLOUD_OIDC_POLICY_IDS",)),
    Meaning(names=("ACTIONS_ID_TOKEN_REQUEST_URL",)),
    Meaning(names=("ACTIONS_ID_TOKEN_REQUEST_TOKEN",), secret=True),
    Meaning(names=("HC_CONTAINER_CREDENTIALS_FULL_URI",)),
    Meaning(names=("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE",)),
)
"""What this program takes; options that other tools have names for stand in `cli/other_tools`."""

_AGENCY = "name the agency with --agency NAME --agency-domain ACCOUNT"
_FEDERATED = "set HUAWEICLOUD_SDK_IDP_ID and HUAWEICLOUD_SDK_ID_TOKEN_FILE"
REFUSED = (
    Refusal(
        names=("OS_CLOUD", "OS_CLIENT_CONFIG_FILE"),
        cure="clouds.yaml is not read; set CSMS_REKEY_TOKEN to what `openstack token issue -f value -c id` prints",
    ),
    Refusal(
        names=("OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_NAME"),
        cure="there is no login by application credential; set OS_USERNAME and OS_PASSWORD",
    ),
    Refusal(names=("OS_APPLICATION_CREDENTIAL_SECRET",), cure="there is no login by it", secret=True),
    Refusal(names=("OS_USER_ID", "HW_USER_ID"), cure="IAM logs a user in by name; set OS_USERNAME"),
    Refusal(names=("OS_PASSCODE",), cure="a user with a second factor cannot log in here; set OS_TOKEN", secret=True),
    Refusal(names=("OS_TRUST_ID", "OS_SYSTEM_SCOPE"), cure="there is no login by it; set OS_TOKEN"),
    Refusal(names=("OS_IDENTITY_PROVIDER", "OS_PROTOCOL"), cure=_FEDERATED),
    Refusal(names=("OS_ACCESS_TOKEN",), cure=_FEDERATED, secret=True),
    Refusal(names=("HW_ASSUME_ROLE_IDP_ID", "HW_ASSUME_ROLE_ID_TOKEN_FILE"), cure=_FEDERATED),
    Refusal(names=("HW_ASSUME_ROLE_ID_TOKEN",), cure=_FEDERATED, secret=True),
    Refusal(names=("HW_ASSUME_ROLE_DOMAIN_ID",), cure=_AGENCY, always=True),
    Refusal(names=("OS_DELEGATED_PROJECT",), cure="say --project-id", always=True),
    Refusal(
        names=("HUAWEICLOUD_SDK_REGIONS_FILE",),
        cure="set HUAWEICLOUD_SDK_REGION_CSMS_<REGION>, or say --endpoint",
        always=True,
    ),
    Refusal(names=("OS_CERT", "OS_KEY"), cure="there is no login by client certificate", always=True),
    Refusal(
        names=("OS_INSECURE", "HW_INSECURE"),
        cure="TLS is always verified; name your authority with --ca-file",
        always=True,
        harmless=frozenset({"false", "f", "0", "no"}),
    ),
    Refusal(
        names=("HW_SIGNING_ALGORITHM",),
        cure="requests are signed with HmacSHA256 only",
        always=True,
        harmless=frozenset({"hmacsha256"}),
    ),
    Refusal(
        names=("OS_AUTH_TYPE",),
        cure="set what its login needs: OS_TOKEN, or OS_USERNAME and OS_PASSWORD",
        harmless=frozenset({"password", "v3password", "token", "v3token"}),
    ),
)
"""What it refuses by name, so that no command acts as another user unnoticed."""

NO_PART = (
    "HW_ASSUME_ROLE_DURATION",
    "HW_ENABLE_FORCE_NEW",
    "HW_ENTERPRISE_PROJECT_ID",
    "HW_MAX_RETRIES",
    "OS_ENDPOINT_TYPE",
    "OS_IDENTITY_API_VERSION",
    "OS_INTERFACE",
)
"""Known names that neither say who acts nor where: they are left alone."""

_GROUPS = {name: meaning for meaning in TAKEN for name in meaning.names}
_SECRET = tuple(name for one in (*TAKEN, *REFUSED) if one.secret for name in one.names)


@dataclass(frozen=True, slots=True)
class Variables(Mapping[str, str]):
    """The environment as logins see it: asked for one thing by any of its names, it answers with what is set under
    whichever of them. An empty variable counts as unset.
    """

    environment: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """What is given for the thing that `name` stands for.

        Raises:
            KeyError: nothing is.
            CredentialError: two of its names are set, to different values.
        """
        return self._found(name)[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self.environment)

    def __len__(self) -> int:
        return len(self.environment)

    def name_of(self, name: str) -> str:
        """The variable that gives the thing that `name` stands for, or `name` where none does."""
        try:
            return self._found(name)[0]
        except KeyError:
            return name

    def raw(self, name: str) -> str | None:
        """What is set under this very name."""
        return self.environment.get(name) or None

    def instead(self, name: str, text: str) -> "Variables":
        """The same where nothing else is given for the thing that `name` stands for than this text."""
        names = _names_of(name)
        kept = {one: value for one, value in self.environment.items() if one not in names}
        return Variables({**kept, name: text})

    def refuse_unusable(self, *, chosen: bool) -> None:
        """Makes sure that no login is meant that there is none of; where a person has `chosen` one, the others may be
        set for other programs.

        Raises:
            CredentialError: a variable names one.
        """
        for refusal in REFUSED:
            for name in refusal.names:
                text = (self.raw(name) or "").strip().lower()
                if text and text not in refusal.harmless and (refusal.always or not chosen):
                    way_out = "unset it" if refusal.always else "unset it, or say with --auth which login to take"
                    raise CredentialError(f"{name} is set, and is not taken: {refusal.cure} ({way_out})")

    def secrets(self) -> tuple[Masked, ...]:
        """Everything in the environment that must not be shown, whether it is used or not."""
        return tuple(Masked(text) for name in _SECRET if (text := self.raw(name)))

    def _found(self, name: str) -> tuple[str, str]:
        meaning = _GROUPS.get(name)
        tidy = str if meaning is None else meaning.tidy
        given = [(one, tidy(text)) for one in _names_of(name) if (text := self.raw(one))]
        if not given:
            raise KeyError(name)
        other = next((one for one, text in given if text != given[0][1]), None)
        if other is not None:
            raise CredentialError(f"{given[0][0]} and {other} are set to different values: unset one of them")
        return given[0]


def _names_of(name: str) -> tuple[str, ...]:
    return _GROUPS[name].names if name in _GROUPS else (name,)
