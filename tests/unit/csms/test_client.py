"""What the client does at the last moment before a request leaves."""

import asyncio
from collections.abc import Callable

from batch.csms.auth import Masked, TokenCredential
from batch.csms.client import CsmsClient
from batch.csms.faults import Fault
from batch.csms.messages import Unwatched, WireAnswer, WireRequest, nothing
from jobs.model import SecretUpdate

UPDATE = SecretUpdate(secret_name="a", kms_key_id="k" * 32)


class CountingWire:
    def __init__(self, body: bytes = b'{"secret":{"name":"a","kms_key_id":"%s"}}' % (b"k" * 32)) -> None:
        self.sent = 0
        self.body = body

    async def send(self, request: WireRequest, leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:  # noqa: ARG002 - as `Wire`
        self.sent += 1
        return WireAnswer(status=200, body=self.body)


def test_a_request_that_was_stopped_while_it_got_authorized_never_leaves_and_was_no_attempt() -> None:
    wire = CountingWire()
    client = CsmsClient(wire, TokenCredential(Masked("t")), "p", user_agent="test")

    class Stopped(Unwatched):
        def may_leave(self) -> bool:
            return False

    answer = asyncio.run(client.update_secret(UPDATE, Stopped()))
    assert isinstance(answer, Fault)
    assert (answer.withheld, answer.maybe_applied, wire.sent) == (True, False, 0)
    assert not isinstance(asyncio.run(client.update_secret(UPDATE)), Fault)
    assert wire.sent == 1


def test_an_answer_that_no_decoder_takes_is_like_none() -> None:
    """Lists in lists without end made the decoder give up in a way of its own, and the whole run with it."""
    wire = CountingWire(b'{"more":' + b"[" * 5_000 + b"]" * 5_000 + b"}")
    client = CsmsClient(wire, TokenCredential(Masked("t")), "p", user_agent="test")
    for answer in (asyncio.run(client.update_secret(UPDATE)), asyncio.run(client.list_secrets(limit=1))):
        assert isinstance(answer, Fault)
        assert answer.maybe_applied
