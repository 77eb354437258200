"""Every variable of a login, whichever tool it is from, is taken or refused by name; none is passed over in silence."""

import asyncio
import inspect
import re
from pathlib import Path

import huaweicloudsdkcore.auth.internal
import huaweicloudsdkcore.auth.provider
import huaweicloudsdkcore.region.cache
import pytest

from batch.cli.other_tools import NAMES
from batch.csms.auth import CredentialError, Login, Masked, find_login
from batch.csms.auth.clouds import CLOUD
from batch.csms.auth.variables import NO_PART, REFUSED, TAKEN, Variables
from jobs.spec import Auth
from tests.unit.csms.auth.test_find import KEYS, NO_METADATA, PASSWORD, headers, nowhere

VENDOR = (huaweicloudsdkcore.auth.provider, huaweicloudsdkcore.auth.internal, huaweicloudsdkcore.region.cache)
# The variables that the provider's own description of its arguments names, with those of its older names.
TERRAFORM = {
    f"HW_{name}"
    for name in (
        *("ACCESS_KEY", "SECRET_KEY", "SECURITY_TOKEN", "AUTH_TOKEN", "AUTH_URL", "CLOUD", "REGION_NAME"),
        *(
            "DOMAIN_ID",
            "DOMAIN_NAME",
            "PROJECT_ID",
            "PROJECT_NAME",
            "USER_ID",
            "USER_NAME",
            "USER_PASSWORD",
            "INSECURE",
        ),
        *("ASSUME_ROLE_AGENCY_NAME", "ASSUME_ROLE_DOMAIN_ID", "ASSUME_ROLE_DOMAIN_NAME", "ASSUME_ROLE_DURATION"),
        *(
            "ASSUME_ROLE_IDP_ID",
            "ASSUME_ROLE_ID_TOKEN",
            "ASSUME_ROLE_ID_TOKEN_FILE",
            "SHARED_CONFIG_FILE",
            "PROFILE",
            "INSECURE",
        ),
        *("ENABLE_FORCE_NEW", "ENTERPRISE_PROJECT_ID", "MAX_RETRIES", "SIGNING_ALGORITHM"),
    )
} | {
    f"OS_{name}"
    for name in (
        *("ACCESS_KEY", "SECRET_KEY", "AUTH_TOKEN", "AUTH_URL", "REGION_NAME", "CACERT", "CERT", "KEY", "INSECURE"),
        *("DOMAIN_ID", "DOMAIN_NAME", "USER_DOMAIN_ID", "USER_DOMAIN_NAME", "PROJECT_DOMAIN_ID", "PROJECT_DOMAIN_NAME"),
        *("USERNAME", "USER_ID", "PASSWORD", "PROJECT_ID", "PROJECT_NAME", "TENANT_ID", "TENANT_NAME"),
        *("AGENCY_NAME", "AGENCY_DOMAIN_NAME", "DELEGATED_PROJECT"),
    )
}
OPENSTACK = {f"OS_{name}" for name in ("CLOUD", "TOKEN", "APPLICATION_CREDENTIAL_ID", "PASSCODE", "AUTH_TYPE")}
TAKEN_NAMES = {name for one in TAKEN for name in one.names}
OPTIONS = {name for names in NAMES.values() for name in names} | {CLOUD}
REFUSED_NAMES = {name for one in REFUSED for name in one.names}


def of_the_vendor() -> set[str]:
    text = "".join(inspect.getsource(module) for module in VENDOR)
    return set(re.findall(r"\"((?:HUAWEICLOUD|HC)_[A-Z_]+)\"", text))


def find(given: dict[str, str], auth: Auth = Auth.AUTO) -> Login:
    return find_login(auth, None, connect=nowhere, environment=NO_METADATA | given)


def test_every_variable_of_the_vendors_sdk_of_terraform_and_of_openstack_has_its_place() -> None:
    places = (TAKEN_NAMES | OPTIONS, REFUSED_NAMES, set(NO_PART))
    for name in of_the_vendor() | TERRAFORM | OPENSTACK:
        assert sum(name in place for place in places) == 1, name


@pytest.mark.parametrize("name", sorted(REFUSED_NAMES))
def test_what_is_not_taken_is_refused_by_name_whatever_else_is_given(name: str) -> None:
    with pytest.raises(CredentialError, match=f"^{name} is set, and is not taken: ") as caught:
        find(KEYS | {name: "canary"})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", NO_PART)
def test_what_says_nothing_of_who_acts_is_left_alone(name: str) -> None:
    assert find(KEYS | {name: "3"}).describe().provider == "access keys"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HW_INSECURE", "False"),
        ("HW_SIGNING_ALGORITHM", "HmacSHA256"),
        ("OS_AUTH_TYPE", "v3password"),
        ("OS_CLOUD", ""),
    ],
)
def test_a_value_that_asks_for_nothing_else_is_no_reason_to_refuse(name: str, text: str) -> None:
    assert find(KEYS | {name: text}).describe().provider == "access keys"


def test_a_login_that_a_person_names_is_taken_beside_one_that_there_is_not() -> None:
    assert find(KEYS | {"OS_CLOUD": "prod"}, Auth.AKSK).describe().provider == "access keys"
    with pytest.raises(CredentialError, match="OS_DELEGATED_PROJECT is set"):
        find(KEYS | {"OS_DELEGATED_PROJECT": "p"}, Auth.AKSK)


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"HW_ACCESS_KEY": "canary-ak", "HW_SECRET_KEY": "canary-sk"}, "HW_ACCESS_KEY and HW_SECRET_KEY"),
        ({"OS_ACCESS_KEY": "canary-ak", "OS_SECRET_KEY": "canary-sk"}, "OS_ACCESS_KEY and OS_SECRET_KEY"),
        (
            KEYS | {"HW_ACCESS_KEY": "canary-ak", "HW_SECRET_KEY": "canary-sk"},
            "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK",
        ),
        (
            {"HW_ACCESS_KEY": "canary-ak", "HW_SECRET_KEY": "canary-sk", "HW_SECURITY_TOKEN": "canary-token"},
            "HW_ACCESS_KEY and HW_SECRET_KEY with HW_SECURITY_TOKEN",
        ),
        ({"OS_TOKEN": "canary-token"}, "OS_TOKEN"),
        (
            {
                "HW_USER_NAME": "rekey",
                "HW_USER_PASSWORD": "canary",
                "HW_DOMAIN_NAME": "acme",
                "HW_AUTH_URL": "https://iam.x/v3",
            },
            "user rekey of acme at https://iam.x",
        ),
    ],
)
def test_the_names_of_other_tools_log_in(given: dict[str, str], source: str) -> None:
    assert find(given).describe().source == source


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (KEYS | {"HW_ACCESS_KEY": "other", "HW_SECRET_KEY": "canary-sk"}, "HUAWEICLOUD_SDK_AK and HW_ACCESS_KEY"),
        (KEYS | {"HW_ACCESS_KEY": "canary-ak", "HW_SECRET_KEY": "other"}, "HUAWEICLOUD_SDK_SK and HW_SECRET_KEY"),
        (
            {**KEYS, "HW_ACCESS_KEY": "canary-ak", "HW_SECRET_KEY": "canary-sk", "HW_SECURITY_TOKEN": "canary-token"},
            "HUAWEICLOUD_SDK_SECURITY_TOKEN and HW_SECURITY_TOKEN",
        ),
        ({"CSMS_REKEY_TOKEN": "canary", "OS_TOKEN": "other"}, "CSMS_REKEY_TOKEN and OS_TOKEN"),
        (PASSWORD | {"HW_DOMAIN_NAME": "other"}, "OS_USER_DOMAIN_NAME and HW_DOMAIN_NAME"),
        (PASSWORD | {"HW_AUTH_URL": "https://iam.example"}, "OS_AUTH_URL and HW_AUTH_URL"),
        (PASSWORD | {"OS_PROJECT_ID": "p", "OS_TENANT_ID": "q"}, "OS_PROJECT_ID and OS_TENANT_ID"),
        (
            KEYS | {"HUAWEICLOUD_SDK_PROJECT_ID": "p", "HW_PROJECT_ID": "q"},
            "HUAWEICLOUD_SDK_PROJECT_ID and HW_PROJECT_ID",
        ),
    ],
)
def test_two_values_for_one_thing_are_an_error_that_names_both(given: dict[str, str], names: str) -> None:
    with pytest.raises(CredentialError, match=f"^{names} are set to different values: unset one of them$") as caught:
        find(given)
    assert "canary" not in str(caught.value)


def test_the_same_address_of_iam_written_in_two_ways_is_one_value() -> None:
    same = PASSWORD | {"HUAWEICLOUD_SDK_IAM_ENDPOINT": "https://iam.cn-north-4.myhuaweicloud.com"}
    assert find(same).describe().iam_named


@pytest.mark.parametrize("keys", [("HW_ACCESS_KEY", "HUAWEICLOUD_SDK_SK"), ("HUAWEICLOUD_SDK_AK", "HW_SECRET_KEY")])
def test_a_pair_of_keys_is_never_put_together_from_two_tools(keys: tuple[str, str]) -> None:
    with pytest.raises(CredentialError, match=r"is set, but .* is not"):
        find(dict.fromkeys(keys, "canary"))


def test_an_account_that_is_known_by_its_id_is_named_so_to_iam() -> None:
    given = {name: text for name, text in PASSWORD.items() if name != "OS_USER_DOMAIN_NAME"}
    login = find(given | {"OS_USER_DOMAIN_ID": "d1"})
    assert login.describe().name == "user rekey of d1"
    assert find(PASSWORD | {"OS_USER_DOMAIN_ID": "d1"}).describe().name == "user rekey of acme"


def test_a_project_that_another_tool_names_is_the_logins_own() -> None:
    assert asyncio.run(find({"OS_TOKEN": "t", "OS_TENANT_ID": "p3"}).project_id("cn-north-4")) == "p3"
    assert find(KEYS | {"HW_PROJECT_NAME": "cn-north-4_team"}).describe().project_name == "cn-north-4_team"


def test_every_secret_of_the_environment_is_known_for_redaction_used_or_not() -> None:
    secret = [name for one in (*TAKEN, *REFUSED) if one.secret for name in one.names]
    given = {name: f"canary-{name}" for name in secret}
    assert set(Variables(given).secrets()) == {Masked(text) for text in given.values()}
    words = ("PASSWORD", "SECRET", "_SK", "_AK", "ACCESS_KEY", "PASSCODE")
    named = {name for name in TAKEN_NAMES | REFUSED_NAMES if any(word in name for word in words)}
    tokens = {name for name in TAKEN_NAMES | REFUSED_NAMES if name.endswith("_TOKEN")}
    assert named | tokens == set(secret)


def test_a_pair_of_terraform_signs(tmp_path: Path) -> None:
    login = find({"HW_ACCESS_KEY": "canary-ak", "HW_SECRET_KEY": "canary-sk", "HOME": str(tmp_path)})
    assert "Access=canary-ak," in headers(login)["Authorization"]
