"""What the client does at the last moment before a request leaves, and what it makes of a whole answer."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from batch.csms.auth import Masked, TokenCredential
from batch.csms.client import CsmsClient, SecretPage, SecretView, same_key
from batch.csms.faults import Fault, FaultKind
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
    """Lists in lists without end made the decoder give up in another way, and the whole run with it."""
    wire = CountingWire(b'{"more":' + b"[" * 5_000 + b"]" * 5_000 + b"}")
    client = CsmsClient(wire, TokenCredential(Masked("t")), "p", user_agent="test")
    for answer in (asyncio.run(client.update_secret(UPDATE)), asyncio.run(client.list_secrets(limit=1))):
        assert isinstance(answer, Fault)
        assert answer.maybe_applied


NEW = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
PUT = SecretUpdate(secret_name="a", kms_key_id=NEW)
KEYLESS = [b"", b',"kms_key_id":null', b',"kms_key_id":""']


def client_of(body: bytes) -> CsmsClient:
    return CsmsClient(CountingWire(body), TokenCredential(Masked("t")), "p", user_agent="test")


@pytest.mark.parametrize(
    "spelling",
    [NEW, NEW.replace("-", ""), NEW.upper(), NEW.replace("-", "").upper(), "0D0466B0E7274D9CB35Df84bb474a37f"],
)
def test_a_key_is_the_same_in_every_spelling(spelling: str) -> None:
    assert same_key(spelling, NEW)
    assert same_key(NEW, spelling)
    body = msgspec.json.encode({"secret": {"name": "a", "kms_key_id": spelling}})
    answer = asyncio.run(client_of(body).update_secret(PUT))
    assert answer == SecretView(name="a", kms_key_id=spelling)


@pytest.mark.parametrize("other", ["", "0d0466b0", NEW[:-1] + "0", NEW + "0"])
def test_another_key_is_another(other: str) -> None:
    assert not same_key(other, NEW)


@pytest.mark.parametrize("keyless", KEYLESS)
def test_an_answer_that_shows_no_key_is_a_definite_view_and_no_outage(keyless: bytes) -> None:
    secret = b'{"name":"a"%s}' % keyless
    assert asyncio.run(client_of(b'{"secret":%s}' % secret).show_secret("a")) == SecretView(name="a", kms_key_id="")
    page = asyncio.run(client_of(b'{"secrets":[%s]}' % secret).list_secrets(limit=1))
    assert page == SecretPage(secrets=(SecretView(name="a", kms_key_id=""),), next_marker=None)


@pytest.mark.parametrize("keyless", KEYLESS)
def test_an_answer_that_shows_no_key_confirms_no_change(keyless: bytes) -> None:
    answer = asyncio.run(client_of(b'{"secret":{"name":"a"%s}}' % keyless).update_secret(PUT))
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.maybe_applied) == (FaultKind.MISMATCH, True)
    assert answer.message == "answered 200, but it shows no key"


@pytest.mark.parametrize("keyless", KEYLESS)
def test_an_answer_that_names_another_secret_is_like_no_answer(keyless: bytes) -> None:
    answer = asyncio.run(client_of(b'{"secret":{"name":"b"%s}}' % keyless).show_secret("a"))
    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.LOST


@pytest.mark.parametrize("body", [b"{}", b'{"secret":null}', b'{"secret":{"kms_key_id":"k"}}', b"<html>", b""])
def test_what_shows_no_secret_at_all_is_like_no_answer(body: bytes) -> None:
    answer = asyncio.run(client_of(body).show_secret("a"))
    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.LOST
