"""What the client does at the last moment before a request leaves."""

import asyncio
from collections.abc import Callable

from batch.csms.auth import Masked, TokenCredential
from batch.csms.client import CsmsClient
from batch.csms.faults import Fault
from batch.csms.messages import WireAnswer, WireRequest, nothing
from jobs.model import SecretUpdate

UPDATE = SecretUpdate(secret_name="a", kms_key_id="k" * 32)


class CountingWire:
    def __init__(self) -> None:
        self.sent = 0

    async def send(self, request: WireRequest, leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:  # noqa: ARG002 - as `Wire`
        self.sent += 1
        return WireAnswer(status=200, body=b'{"secret":{"name":"a","kms_key_id":"%s"}}' % (b"k" * 32))


def test_a_request_that_was_stopped_while_it_got_authorized_never_leaves_and_was_no_attempt() -> None:
    wire = CountingWire()
    client = CsmsClient(wire, TokenCredential(Masked("t")), "p", user_agent="test")
    client.may_send = lambda: False
    answer = asyncio.run(client.update_secret(UPDATE))
    assert isinstance(answer, Fault)
    assert (answer.withheld, answer.maybe_applied, wire.sent) == (True, False, 0)
    client.may_send = lambda: True
    assert not isinstance(asyncio.run(client.update_secret(UPDATE)), Fault)
    assert wire.sent == 1
