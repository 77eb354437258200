"""Temporary keys as an answer brings them, in each of the vendor's spellings.

Source: the accessors of the vendor's Python SDK, which read the metadata service, IAM, STS and the pod identity agent
alike.
"""

from http import HTTPStatus

import msgspec

from batch.csms.auth.credential import CredentialError
from batch.csms.auth.iam import refusal, unusable_answer, utc_of
from batch.csms.auth.keys import AccessKeys, access_keys
from batch.csms.errors import UNREADABLE
from batch.csms.faults import Fault
from batch.csms.messages import WireAnswer


class _Keys(msgspec.Struct):
    access: str = ""
    access_key_id: str = ""
    access_camel: str = msgspec.field(default="", name="accessKeyId")
    secret: str = ""
    secret_access_key: str = ""
    secret_camel: str = msgspec.field(default="", name="secretAccessKey")
    securitytoken: str = ""
    security_token: str = ""
    token_camel: str = msgspec.field(default="", name="securityToken")
    expires_at: str = ""
    expiration: str = ""


class _Answered(msgspec.Struct):
    credential: _Keys | None = None
    credentials: _Keys | None = None


def keys_in(body: bytes, source: str) -> AccessKeys | None:
    """The keys in the body of an answer; None where there are none, or no temporary ones."""
    try:
        answered = msgspec.json.decode(body, type=_Answered)
        keys = answered.credential or answered.credentials or msgspec.json.decode(body, type=_Keys)
        token = keys.securitytoken or keys.security_token or keys.token_camel
        if not token:
            return None
        return access_keys(
            keys.access or keys.access_key_id or keys.access_camel,
            keys.secret or keys.secret_access_key or keys.secret_camel,
            token,
            source=source,
            expires_s=utc_of(keys.expires_at or keys.expiration),
        )
    except (*UNREADABLE, CredentialError):
        return None


def given_keys(answer: WireAnswer | Fault, who: str) -> AccessKeys | Fault:
    """The keys that `who` gave out, or why it gave none."""
    if isinstance(answer, Fault):
        return answer
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return refusal(answer, who)
    # Its body is not shown: it may hold half a key.
    return keys_in(answer.body, who) or unusable_answer(f"{who} answered, but not with keys", answer)
