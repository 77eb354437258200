"""The identity token that GitHub Actions, and what is built like it, gives a job that may ask for one.

Source: GitHub's documentation of its OpenID Connect provider. A job with the permission `id-token: write` finds an
address and a token for it in its environment. What is given there ends within minutes, so it is asked for again for
every login.
"""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec

from batch.csms.auth.credential import Connect, CredentialError
from batch.csms.auth.iam import HEADERS, refusal, unusable_answer
from batch.csms.auth.identity_token import IdentityToken, LatelyUsed, checked_token
from batch.csms.errors import UNREADABLE
from batch.csms.faults import Fault
from batch.csms.messages import WireAnswer, WireRequest
from batch.redaction.masked import Masked
from jobs.endpoint import parse_endpoint

URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the name of a variable, not a token


class _Answered(msgspec.Struct):
    value: str


def token_on_request(environment: Mapping[str, str], connect: Connect, used: LatelyUsed) -> IdentityToken:
    """The token of a job in whose environment there is an address to ask.

    Raises:
        CredentialError: the address or the token for it cannot be used.
    """
    url = environment[URL].strip()
    bearer = used.note(checked_token(environment.get(_TOKEN, ""), _TOKEN))
    try:
        parts = urlsplit(url)
        origin = parse_endpoint(f"{parts.scheme}://{parts.netloc}")
    except ValueError as error:
        raise CredentialError(f"{URL}: {error}") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    async def ask() -> Masked | Fault:
        headers = {**HEADERS, "Authorization": f"Bearer {used.note(bearer).reveal()}"}
        async with connect(origin) as wire:
            return _token_in(await wire.send(WireRequest(method="GET", target=target, headers=headers)))

    return IdentityToken(ask, used, source=f"the CI system at {origin}")


def _token_in(answer: WireAnswer | Fault) -> Masked | Fault:
    if isinstance(answer, Fault):
        return answer
    if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
        return refusal(answer, "the CI system")
    try:
        return checked_token(msgspec.json.decode(answer.body, type=_Answered).value, "the CI system")
    except (*UNREADABLE, CredentialError):
        return unusable_answer("the CI system's answer holds no token", answer)
