"""The oracle itself: a healthy case passes, and every rule has cases in which it bites and bites alone."""

from dataclasses import replace

import msgspec
import pytest

from jobs.model import Status
from tests.oracle import RULES, Case, Change, Commit, Reopened, violations
from tests.oracle.small import NEW, OLD, OTHER, PROJECT, asked, case_of, get, pair, put, record, refused, single, told


def healthy() -> Case:
    """A row of every kind, each told as it should be."""
    return case_of(
        (asked(1, "a"), Status.UPDATED, 1, (put(1, "a"),)),
        (asked(2, "b"), Status.VERIFIED, 1, (put(2, "b", status=504), get(3, "b"))),
        (asked(3, "c", expected_kms_key_id=NEW), Status.UNCHANGED, 0, ()),
        (asked(4, "d"), Status.REJECTED, 1, (refused(4, "d"),)),
        (asked(5, "e", usable=False), Status.INVALID, 0, ()),
        (asked(6, "f"), Status.FAILED, 1, (refused(5, "f", 504), get(12, "f"))),
        (asked(7, "g"), Status.UNKNOWN, 1, (put(6, "g", status=None, answered_whole=False, applied=False),)),
        (asked(8, "h"), Status.NOT_ATTEMPTED, 0, ()),
        (asked(9, "a"), Status.UPDATED, 1, ()),
        (asked(10, "i", expected_kms_key_id=OTHER), Status.DRIFTED, 0, (get(7, "i"),)),
        (asked(11, "j", expected_kms_key_id=OLD), Status.UPDATED, 1, (get(8, "j"), put(9, "j"))),
        exit_code=3,
        ended_as="stopped",
    )


def rules_broken(case: Case) -> set[tuple[str, int | None]]:
    return {(violation.rule, violation.row) for violation in violations(case)}


def test_rows_that_were_not_selected_count_for_nothing() -> None:
    """Not for the retry file, the exit code or the progress, and none of them contradicts another."""
    case = case_of(
        (asked(1, "a"), Status.UPDATED, 1, (put(1, "a"),)),
        (asked(2, "b", selected=False), Status.NOT_ATTEMPTED, 0, ()),
        (asked(3, "b", selected=False, description="x"), Status.NOT_ATTEMPTED, 0, ()),
        (asked(4, "c", selected=False, usable=False), Status.NOT_ATTEMPTED, 0, ()),
        again=(),
        exit_code=0,
        ended_as="finished",
    )
    assert violations(case) == []


def test_a_case_with_a_row_of_every_kind_told_as_it_is_breaks_no_rule() -> None:
    plain = healthy()
    shown = {(PROJECT, "c"): NEW}
    case = replace(
        plain,
        before={**plain.before, **shown},
        after={**(plain.after or {}), **shown},
        records=(*plain.records, get(13, "c")),
    )
    assert violations(case) == []
    assert {claim.status for claim in case.claims} == set(Status)


MOVED, STILL = {(PROJECT, "a"): NEW}, {(PROJECT, "a"): OLD}
ONE = single(Status.UPDATED, 1, put(1, "a"))
NEVER_SENT = replace(single(Status.NOT_ATTEMPTED, 0), ended_as="stopped")
MOVED_BY_OTHERS = (Change(at_s=2.5, place=(PROJECT, "a"), key=OTHER),)
UNUSABLE: dict[str, object] = {"usable": False}
LEFT_OUT: dict[str, object] = {"selected": False}
NOT_SELECTED = replace(single(Status.NOT_ATTEMPTED, 0, row=LEFT_OUT), again=())
EXPECTING: dict[str, object] = {"expected_kms_key_id": OLD}
SILENT = put(1, "a", status=None, answered_whole=False)
UNHEARD = msgspec.structs.replace(SILENT, applied=False)
LANDED = put(1, "a", status=504, lands_at_s=3.0, landed_s=3.0)
TWO = single(Status.UPDATED, 2, refused(1, "a", 429), put(2, "a"))
RESENT = single(Status.UPDATED, 2, put(1, "a"), put(2, "a"))
INTENDED, ENDED = Commit(arrived=0, intents=((1, 2),)), Commit(arrived=1, ended=((1, Status.UPDATED),))
WAVES = case_of(
    (asked(1, "a", wave="first"), Status.UPDATED, 1, (put(1, "a"),)),
    (asked(2, "b", wave="second"), Status.UPDATED, 1, (put(2, "b"),)),
)
FAILED, REJECTED, VERIFIED, UPDATED = Status.FAILED, Status.REJECTED, Status.VERIFIED, Status.UPDATED

BITES: dict[str, tuple[str, int | None, Case]] = {
    "a row is missing": (
        "I1",
        None,
        replace(pair(({}, UPDATED), ({}, UPDATED)), claims=ONE.claims, records=ONE.records, after=MOVED),
    ),
    "a row is told twice": ("I1", None, replace(ONE, claims=ONE.claims * 2)),
    "another name is told": ("I1", 1, told(ONE, 1, secret_name="b")),
    "another key is told": ("I1", 1, told(ONE, 1, kms_key_id=OLD)),
    "a row to run again is not in the file": ("I2", None, replace(NEVER_SENT, again=())),
    "a row that is done is in the file": ("I2", None, replace(ONE, again=(1,))),
    "a row is in the file twice": ("I2", None, replace(NEVER_SENT, again=(1, 1))),
    "a row that was not selected is in the file": ("I2", None, replace(NOT_SELECTED, again=(1,))),
    "updated without a PUT": ("I3", 1, single(UPDATED, 1, after=MOVED)),
    "updated on a 504": ("I3", 1, single(UPDATED, 1, put(1, "a", status=504))),
    "updated on an answer that was cut": ("I3", 1, single(UPDATED, 1, put(1, "a", answered_whole=False))),
    "updated on a page that says 200": ("I3", 1, single(UPDATED, 1, put(1, "a", fault="html200"))),
    "updated, and the service shows another key": ("I3", 1, replace(ONE, after=STILL)),
    "verified without a read": ("I3", 1, single(VERIFIED, 1, SILENT)),
    "verified by a read before the PUT": ("I3", 1, single(VERIFIED, 1, get(0, "a"), SILENT)),
    "verified by a read that failed": ("I3", 1, single(VERIFIED, 1, SILENT, get(2, "a", status=502))),
    "verified by a read before the landing": ("I3", 1, single(VERIFIED, 1, LANDED, get(2, "a"))),
    "unchanged without a read": ("I3", 1, single(Status.UNCHANGED, 0, before=MOVED, after=MOVED)),
    "a key before that no read has shown": ("I21", 1, told(ONE, 1, before_kms_key_id=OLD)),
    "a key before that was read after the PUT": (
        "I21",
        1,
        told(single(UPDATED, 1, put(1, "a"), get(2, "a")), 1, before_kms_key_id=NEW),
    ),
    "a key before that is another one": (
        "I21",
        1,
        told(single(UPDATED, 1, get(0, "a"), put(1, "a")), 1, before_kms_key_id=OTHER),
    ),
    "a key before of a row that was not selected": (
        "I21",
        1,
        replace(told(NOT_SELECTED, 1, before_kms_key_id=OLD), again=()),
    ),
    "failed over a PUT without an answer": ("I4", 1, single(FAILED, 1, UNHEARD)),
    "rejected over an unread 504": ("I4", 1, single(REJECTED, 2, refused(1, "a", 504), refused(2, "a"))),
    "failed on a read too early": ("I4", 1, single(FAILED, 1, refused(1, "a", 504), get(5, "a"))),
    "failed on a read that failed": ("I4", 1, single(FAILED, 1, refused(1, "a", 504), get(9, "a", status=500))),
    "rejected on a read that was refused": ("I4", 1, single(REJECTED, 1, UNHEARD, get(9, "a", status=403))),
    "failed, and then it landed": (
        "I4w",
        1,
        single(FAILED, 1, put(1, "a", status=504, lands_at_s=9.0, landed_s=9.0), get(7, "a"), after=STILL),
    ),
    "not attempted, and the key is another": ("I4w", 1, replace(NEVER_SENT, after=MOVED)),
    "unknown after a clear no": ("I4u", 1, single(Status.UNKNOWN, 1, refused(1, "a", 429))),
    "a PUT with a key no row asks for": (
        "I5",
        None,
        replace(told(ONE, 1, attempts=2), records=(put(1, "a"), refused(2, "a", kms_key_id=OTHER))),
    ),
    "a PUT for a secret no row names": ("I5", None, replace(ONE, records=(put(1, "a"), put(2, "z")))),
    "a read of a secret no row names": ("I5", None, replace(ONE, records=(put(1, "a"), get(2, "z")))),
    "a PUT for an unusable row": ("I5", None, single(Status.INVALID, 0, refused(1, "a"), row=UNUSABLE)),
    "a PUT for a row that was not selected": ("I5", None, replace(NOT_SELECTED, records=(refused(1, "a"),))),
    "a row that was not selected told as invalid": ("I5d", 1, told(NOT_SELECTED, 1, status=Status.INVALID)),
    "a PUT to another spelling of the path": (
        "I5",
        None,
        single(UPDATED, 1, put(1, "a", target=f"/v1/{PROJECT}/secrets/%61")),
    ),
    "a request of another kind": ("I5", None, replace(ONE, records=(put(1, "a"), record(2, "DELETE", "a")))),
    "a PUT for a row that drifted": (
        "I5",
        1,
        replace(
            single(Status.DRIFTED, 1, get(1, "a"), refused(2, "a"), get(3, "a"), row=EXPECTING), changes=MOVED_BY_OTHERS
        ),
    ),
    "drifted from a key that it shows": ("I4d", 1, single(Status.DRIFTED, 0, get(1, "a"), row=EXPECTING)),
    "an expected key that was not read first": ("I5c", 1, single(UPDATED, 1, put(1, "a"), row=EXPECTING)),
    "an expected key that was not shown": (
        "I5c",
        1,
        single(UPDATED, 1, get(1, "a"), put(2, "a"), row={"expected_kms_key_id": OTHER}),
    ),
    "a valid row told as invalid": ("I5d", 1, single(Status.INVALID, 0)),
    "an unusable row told as rejected": ("I5d", 1, single(REJECTED, 0, row=UNUSABLE)),
    "a contradiction told as not attempted": (
        "I5d",
        2,
        pair(({}, Status.INVALID), ({"description": "x"}, Status.NOT_ATTEMPTED)),
    ),
    "twins told apart": (
        "I5d",
        2,
        case_of((asked(1, "a"), UPDATED, 1, (put(1, "a"),)), (asked(2, "a"), VERIFIED, 1, (get(2, "a"),))),
    ),
    "more PUTs than attempts": ("I6", 1, told(TWO, 1, attempts=1)),
    "more attempts than allowed": ("I6", 1, told(ONE, 1, attempts=4)),
    "a PUT without an intent": ("I7", 1, replace(ONE, tape=())),
    "a PUT before its intent was durable": ("I7", 1, replace(ONE, tape=(Commit(arrived=1, intents=((1, 1),)),))),
    "a PUT under an intent that was taken back": (
        "I7",
        1,
        replace(ONE, tape=(Commit(arrived=0, intents=((1, 1),)), Commit(arrived=0, put_aside=((1, 0),)))),
    ),
    "a PUT under the intent of the one before": (
        "I7",
        1,
        replace(TWO, tape=(Commit(arrived=0, intents=((1, 1),)),)),
    ),
    "a PUT after the outcome": ("I8", 1, replace(RESENT, tape=(INTENDED, ENDED))),
    "a done row sent by a fresh start": ("I8", 1, replace(RESENT, tape=(INTENDED, ENDED, Reopened(arrived=1)))),
    "a PUT before the wave before it was done": (
        "W",
        2,
        replace(WAVES, tape=(INTENDED, Commit(arrived=0, intents=((2, 1),)), Commit(arrived=2, ended=ENDED.ended))),
    ),
    "too many in a second": (
        "I10",
        None,
        replace(ONE, records=(get(1, "a"), get(2, "a", at_s=1.4), put(3, "a", at_s=1.999))),
    ),
    "too many at once": ("I11", None, replace(ONE, records=(put(1, "a", open=3),))),
    "a second PUT under the read of the first": (
        "I5c",
        1,
        single(UPDATED, 2, get(1, "a"), refused(2, "a", 429), put(3, "a"), row=EXPECTING),
    ),
    "a row that a run that finished did not reach": ("I19", 1, replace(NEVER_SENT, ended_as="finished")),
    "exit 0 with a row not done": ("I17", None, replace(NEVER_SENT, exit_code=0)),
    "exit 1 with rows that a stop left": ("I17", None, replace(NEVER_SENT, exit_code=1)),
    "exit 143 though all is done": ("I17", None, replace(ONE, exit_code=143, ended_as="SIGTERM")),
}


@pytest.mark.parametrize("name", BITES)
def test_each_rule_bites_on_its_own_case_and_names_the_row(name: str) -> None:
    rule, row, case = BITES[name]
    assert rules_broken(case) == {(rule, row)}


def test_every_rule_has_a_case_in_which_it_bites() -> None:
    assert {rule for rule, *_ in BITES.values()} == set(RULES)


@pytest.mark.parametrize(("at_s", "broken"), [(1.5, {("I5", 1), ("I4w", 1)}), (2.5, set())])
def test_a_put_that_others_undo_counts_as_none_and_one_that_stands_does_not(
    at_s: float, broken: set[tuple[str, int]]
) -> None:
    """As the first cannot be seen, whatever became of it."""
    sent = put(2, "a", status=504, landed_s=2.0)
    drifted = single(Status.DRIFTED, 1, get(1, "a"), sent, get(3, "a"), get(9, "a"), row=EXPECTING)
    changes = (Change(at_s=at_s, place=(PROJECT, "a"), key=OTHER),)
    case = replace(drifted, changes=changes, others=frozenset(MOVED))
    assert rules_broken(case) - {("I4d", 1)} == broken


@pytest.mark.parametrize(("status", "broken"), [(403, set()), (504, {("I3", 1), ("I5", 1)})])
def test_a_row_may_be_unchanged_after_puts_that_were_refused_and_after_no_others(
    status: int, broken: set[tuple[str, int]]
) -> None:
    case = single(Status.UNCHANGED, 1, refused(1, "a", status), get(2, "a"), before=MOVED, after=MOVED)
    assert rules_broken(case) == broken


def test_reopened_rows_may_be_sent_again_if_they_had_failed() -> None:
    tape = (
        Commit(arrived=0, intents=((1, 2),)),
        Commit(arrived=1, ended=((1, Status.FAILED),)),
        Reopened(arrived=1),
        Commit(arrived=2, ended=((1, Status.UPDATED),)),
    )
    rows = (asked(1, "a"), Status.UPDATED, 2, (refused(1, "a", 429), put(2, "a")))
    assert violations(case_of(rows, tape=tape)) == []


@pytest.mark.parametrize(
    ("statuses", "ended_as", "code"),
    [
        ((), "finished", 0),
        ((Status.UPDATED, Status.UNCHANGED), "SIGINT", 0),
        ((Status.REJECTED,), "stopped", 1),
        ((Status.FAILED,), "finished", 1),
        ((Status.NOT_ATTEMPTED,), "finished", 3),
        ((Status.FAILED,), "stopped", 3),
        ((Status.NOT_ATTEMPTED,), "SIGHUP", 129),
        ((Status.UNKNOWN,), "SIGINT", 130),
    ],
)
def test_the_exit_codes_the_oracle_holds_due(statuses: tuple[Status, ...], ended_as: str, code: int) -> None:
    rows = [(asked(row, f"s{row}"), status, 0, ()) for row, status in enumerate(statuses, 1)]
    case = replace(case_of(*rows), exit_code=code, ended_as=ended_as)
    wrong = replace(case, exit_code=code + 7)
    assert ("I17", None) not in rules_broken(case)
    assert ("I17", None) in rules_broken(wrong)
