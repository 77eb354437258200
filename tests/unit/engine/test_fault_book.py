"""What is reported of faults while a run is active."""

from batch.csms.faults import Fault, FaultKind
from batch.engine.fault_book import FaultBook


def fault(code: str, message: str = "m") -> Fault:
    """An answer with that code."""
    return Fault(kind=FaultKind.REJECTED, code=code, message=message, maybe_applied=False)


def test_the_last_code_is_first_with_what_was_said_last() -> None:
    """And how often it came."""
    book = FaultBook(str)
    for code, message in (("A", "one"), ("B", "two"), ("A", "three")):
        book.note(fault(code, message))
    assert [(f.code, f.requests, f.message) for f in book.recent()] == [("A", 2, "three"), ("B", 1, "two")]


def test_codes_without_end_are_counted_together() -> None:
    """None is lost."""
    book = FaultBook(str)
    for number in range(200):
        book.note(fault(f"E.{number}"))
    found = book.recent()
    assert len(found) == 51
    assert (found[0].code, sum(f.requests for f in found)) == ("(other codes)", 200)


def test_a_credential_that_the_service_echoes_is_shown_neither_as_a_code_nor_as_a_message() -> None:
    book = FaultBook(lambda text: text.replace("canary", "***"))
    book.note(fault("canary", "m canary"))
    book.note(fault("***", "again"))
    assert [(f.code, f.requests, f.message) for f in book.recent()] == [("***", 2, "again")]
