"""Faults that only tests inject, beside those of the sandbox itself."""

from batch.sandbox.faults import InjectedFault
from batch.sandbox.refusals import refusal
from batch.sandbox.result import Result


def canned(
    status: int, body: bytes, *, headers: tuple[tuple[str, str], ...] = (), applied: bool = False
) -> InjectedFault:
    """Any answer at all: a redirect, another secret's name, an odd header."""
    return InjectedFault(name="canned", instead=Result(status=status, body=body, headers=headers), applied=applied)


def refusing(code: str, detail: str = "", *, status: int | None = None) -> InjectedFault:
    """A documented refusal by its code, in the form of the service that says it; `status` if not the usual one.

    Raises:
        KeyError: the code is not in the catalogue.
    """
    return InjectedFault(name=code, instead=refusal(code, detail, status=status))


def slow(delay_s: float) -> InjectedFault:
    """Everything is well, but it takes that much longer."""
    return InjectedFault(name="slow", applied=True, delay_s=delay_s)
