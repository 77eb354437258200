"""What stopped a run, in few words, and the step that mends it: found by the code that the service gave."""

import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Protocol

import msgspec

from jobs.ledger import HELD
from jobs.printable import shortened
from jobs.spec import Auth
from jobs.waves import NEXT_WAVE
from reports.summary.key_faults import KeyFault, code_in, key_fault


class Way(Enum):
    """How the open rows are done once the cause is mended."""

    RESUME = auto()
    """Nothing is wrong with what the run was loaded with."""
    NEW_KEY = auto()
    """The rows name a wrong key: they have to be corrected and run as a manifest."""
    NEW_PLACE = auto()
    """The same for a project, a region or an endpoint, whether rows or options name it."""


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was left open, in the ledger's words; with a key, the rows of that key alone."""

    reason: str
    kms_key_id: str | None = None


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """`cause` says what is wrong, `step` what to do about it, and `otherwise` what else may be wrong instead: then the
    rows are corrected as for a new place.
    """

    cause: str
    step: str
    way: Way = Way.RESUME
    otherwise: str | None = None

    def __str__(self) -> str:
        return f"{self.cause}: {self.step}"

    @property
    def whole(self) -> str:
        """With what else may be wrong."""
        return f"{self}; {self.otherwise}" if self.otherwise else str(self)


_FOREIGN = "a proxy, filter or gateway before the service?"
_KEY_CHARS = 64
_HELD_KEY = re.compile(rf"{HELD}key ([^ :]+)")

# A refusal may name what is missing. Only rights that this program needs: it is another's word.
_NAMED_RIGHT = re.compile(r"\b(?:csms:secret:(?:get|list|listVersion|update)|kms:cmk:get)\b")
_WHERE = "in the options or in the file"
_WRONG_PROJECT = f"if the project is wrong instead, correct it, {_WHERE}"
_RIGHT = Advice(
    cause="the login lacks a right",
    step="grant it csms:secret:update in this project (and csms:secret:get, for reads), or use another login",
    otherwise=_WRONG_PROJECT,
)
_FROZEN = Advice(cause="the service is frozen for this account", step="settle what it is frozen for")
_SIGNATURE = Advice(
    cause="the signature was not accepted",
    step="check the access key and its secret, and the clock of this machine",
)
_PROJECT = Advice(
    cause="the login is for another project",
    step="use a login of this project",
    otherwise=_WRONG_PROJECT,
)
_PLACE = Advice(
    cause="this endpoint does not have this API",
    step=f"correct the endpoint or the region, {_WHERE}",
    way=Way.NEW_PLACE,
)
_ABSENT = Advice(
    cause="none of these secrets is in this project",
    step=f"correct the project or the region, {_WHERE}",
    way=Way.NEW_PLACE,
)
_ADDRESS = Advice(cause="requests from this address are not allowed", step="have it allowed, or run from another one")
_OF_CODE = {
    **dict.fromkeys(("CSMS.0302", "APIG.0302", "APIG.0304", "APIG.0306", "KMS.0304", "KMS.0307"), _RIGHT),
    **dict.fromkeys(("KMS.0314", "KMS.0326", "APIG.0802"), _RIGHT),
    "KMS.0328": _FROZEN,
    **dict.fromkeys(("APIG.0303", "APIG.0305", "APIG.1009"), _SIGNATURE),
    **dict.fromkeys(("IAM.1104", "IAM.1105", "IAM.1106", "IAM.1107"), _SIGNATURE),
    **dict.fromkeys(("KMS.0305", "KMS.0321", "APIG.0310", "APIG.0311"), _PROJECT),
    **dict.fromkeys(("APIG.0101", "APIG.0501", "APIG.0502"), _PLACE),
    **dict.fromkeys(("CSMS.0005", "CSMS.0106"), _ABSENT),
    **dict.fromkeys(("APIG.0401", "APIG.0402", "APIG.0403", "APIG.0404"), _ADDRESS),
    **dict.fromkeys(
        ("tls", "APIG.0204"),
        Advice(cause="no secure connection can be made", step="check the endpoint, and --ca-file if it is given"),
    ),
    "proxy": Advice(cause="the proxy refuses to connect", step="check --proxy and its user and password"),
}
_LOGIN_CODES = frozenset({"CSMS.0301", "APIG.0301", "APIG.0307", "KMS.0301", "KMS.0302", "KMS.0303"})
_LOGIN_STEPS = {
    Auth.TOKEN: "get a new token and put it into CSMS_REKEY_TOKEN or --token-file",
    Auth.AKSK: "check the access key and its secret, and the clock of this machine",
    Auth.IAM: "check the user, its password and its domain",
    Auth.ECS: "check the agency of this machine",
    Auth.POD: "check the agency that the pod's service account is bound to",
    Auth.OIDC: "check the token's age, and that the agency trusts its issuer, subject and audience",
    Auth.FEDERATED: "check the identity provider in IAM, its mapping, and that the token is not too old",
    Auth.AUTO: "renew the login",
}
# What KMS has against a key, as the end of a sentence, and what to do about it.
_OF_KEY = {
    KeyFault.DISABLED: ("is disabled", "enable it", Way.RESUME),
    KeyFault.PENDING_DELETION: ("is pending deletion", "cancel its deletion", Way.RESUME),
    KeyFault.PENDING_IMPORT: ("has no material yet", "import its material", Way.RESUME),
    KeyFault.PENDING_ACTIVATION: ("is not active yet", "wait until KMS has activated it", Way.RESUME),
    KeyFault.FROZEN: ("is frozen", "settle what the account is frozen for", Way.RESUME),
    KeyFault.MISSING: ("does not exist", "correct kms_key_id in the file", Way.NEW_KEY),
    KeyFault.UNSUITABLE: ("cannot be used for secrets", "correct kms_key_id in the file", Way.NEW_KEY),
    KeyFault.NO_RIGHT: ("may not be used by the login", "grant the login the right to use it", Way.RESUME),
    KeyFault.REFUSED: (
        "was not accepted by KMS",
        "see that it is enabled and that the login may use it",
        Way.RESUME,
    ),
}


class _Scope(Protocol):
    @property
    def stopped(self) -> str | None: ...


class _Held(Protocol):
    @property
    def kms_key_id(self) -> str: ...

    @property
    def reason(self) -> str: ...


def stops_of(stopped: str | None, scopes: Iterable[_Scope], held: Iterable[_Held]) -> tuple[Stop, ...]:
    """All that stopped a run: projects, keys and, where no project has its own reason, the run as a whole."""
    of_scopes = [Stop(reason=scope.stopped) for scope in scopes if scope.stopped]
    of_keys = [Stop(reason=one.reason, kms_key_id=one.kms_key_id) for one in held]
    whole = [Stop(reason=stopped)] if stopped and not of_scopes and not stopped.startswith(HELD) else []
    return (*of_scopes, *of_keys, *whole)


def cause_of(stopped: str) -> str:
    """What stopped a session, in few words where it is known."""
    held = _HELD_KEY.match(stopped)
    known = advise(Stop(reason=stopped, kms_key_id=held[1] if held else None), Auth.AUTO)
    return stopped if known is None else known.cause


def mendings(stops: Iterable[Stop], auth: Auth) -> tuple[Advice, ...]:
    """What to do about these, each cause once, as far as anything is known about it."""
    return tuple(dict.fromkeys(advice for stop in stops if (advice := advise(stop, auth)) is not None))


def advise(stop: Stop, auth: Auth) -> Advice | None:
    """What to do about one; None where the reason itself says it best."""
    if _FOREIGN in stop.reason:
        return Advice(
            cause="something before the service answers in its place",
            step="look for a proxy, a filter or a gateway between this machine and the service",
        )
    said = code_in(stop.reason)
    if said is None:
        return next(_of_words(stop.reason), None)
    code = said.replace("APIGW.", "APIG.")
    if (fault := key_fault(code, stop.reason)) is not None:
        return _of_key(stop, code, fault)
    if code in _LOGIN_CODES or (code.startswith("IAM.") and code not in _OF_CODE):
        return Advice(cause=f"the login was not accepted ({said})", step=_LOGIN_STEPS[auth])
    known = _OF_CODE.get(code)
    if known is _RIGHT and (named := _NAMED_RIGHT.search(stop.reason)) is not None:
        known = msgspec.structs.replace(known, step=f"grant it {named[0]} in this project, or use another login")
    return known and msgspec.structs.replace(known, cause=f"{known.cause} ({said})")


def _of_words(reason: str) -> Iterator[Advice]:
    """What this program itself says."""
    if "the service has been down" in reason or "the login has been down" in reason:
        yield Advice(cause=reason, step="see that it answers again (csms-rekey auth)")
    if "refused for its rate" in reason:
        yield Advice(cause=reason, step="see who else uses the quota, or lower --rate")
    if reason.endswith(NEXT_WAVE):
        asked = "--between" in reason
        why = "see in report.html why, and whether the next wave may begin anyway"
        yield Advice(cause=reason, step="see in run.log what it said, and give --between again" if asked else why)
    if "--max-failures" in reason:
        yield Advice(
            cause=reason,
            step="see in report.html why these rows failed, and raise --max-failures if the others may continue",
        )


def _of_key(stop: Stop, code: str, fault: KeyFault) -> Advice:
    what, step, way = _OF_KEY[fault]
    key = "the key" if stop.kms_key_id is None else f"key {shortened(stop.kms_key_id, _KEY_CHARS)}"
    return Advice(cause=f"{key} {what} ({code})", step=step, way=way)
