"""What an error code and its message say of a KMS key, in a word or two: the numbers of its states say little."""

import re
from enum import StrEnum

from jobs.ledger import HELD


class KeyFault(StrEnum):
    """Why a key cannot be used, as it stands behind the key's id."""

    DISABLED = "disabled"
    PENDING_DELETION = "pending deletion"
    PENDING_IMPORT = "pending import"
    PENDING_ACTIVATION = "pending activation"
    FROZEN = "frozen"
    MISSING = "does not exist"
    UNSUITABLE = "not usable for secrets"
    NO_RIGHT = "the login may not use it"
    REFUSED = "refused by KMS"


# The states of a key as KMS numbers them.
_STATES = {
    "1": KeyFault.PENDING_ACTIVATION,
    "3": KeyFault.DISABLED,
    "4": KeyFault.PENDING_DELETION,
    "5": KeyFault.PENDING_IMPORT,
    "7": KeyFault.FROZEN,
}
_STATE = re.compile(r"\bstate\W{0,3}([13457])\b")
# Only symmetric keys encrypt secrets.
_OTHER_USE = re.compile(r"\b(?:RSA|EC|SM2|HMAC)_|\b(?:SIGN_VERIFY|GENERATE_VERIFY_MAC)\b")
_CODES = {
    "CSMS.0401": KeyFault.REFUSED,
    "KMS.0205": KeyFault.MISSING,
    "KMS.0207": KeyFault.MISSING,
    "KMS.0209": KeyFault.DISABLED,
    "KMS.0210": KeyFault.PENDING_DELETION,
    "KMS.0211": KeyFault.UNSUITABLE,
    "KMS.0306": KeyFault.NO_RIGHT,
    "KMS.0320": KeyFault.FROZEN,
    "KMS.1114": KeyFault.UNSUITABLE,
    "KMS.1115": KeyFault.UNSUITABLE,
    "KMS.1301": KeyFault.DISABLED,
}
# A code stands at the beginning of a reason, or behind what this program says before it.
_CODE = re.compile(r"(?:^|: |; )([A-Za-z][A-Za-z0-9]*\.[0-9]+|tls|proxy): ")


def code_in(reason: str) -> str | None:
    """The code that stands in the reason of a stop."""
    found = _CODE.search(reason)
    return found[1] if found else None


def held_code(message: str) -> str:
    """The code over which a row's key is held back; empty where the message is of something else."""
    return (code_in(message) or "") if message.startswith(HELD) else ""


def key_fault(code: str, message: str) -> KeyFault | None:
    """What is wrong with the key; None where the code is not about keys. One code stands for many faults, so that its
    message decides.
    """
    fault = _CODES.get(code)
    if fault is not KeyFault.REFUSED:
        return fault
    if (state := _STATE.search(message)) is not None:
        return _STATES[state[1]]
    if _OTHER_USE.search(message):
        return KeyFault.UNSUITABLE
    return KeyFault.MISSING if "does not exist" in message else fault
