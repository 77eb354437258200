"""The table of standings in the docstring is the one that holds, and what it promises follows from it."""

from itertools import product

import pytest

from batch.csms.auth.standing import Event, Standing, after

_EVENTS = {
    "accepted": Event.ACCEPTED,
    "refused": Event.REFUSED,
    "forged": Event.FORGED,
    "looked for": Event.LOOKED_FOR,
    "came": Event.CAME,
    "none": Event.NONE,
}


def documented() -> dict[tuple[Standing, Event], str]:
    lines = [line.strip() for line in (Standing.__doc__ or "").splitlines() if line.strip().startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    events = [_EVENTS[name] for name in head[1:]]
    return {(Standing[name], event): text for name, *texts in rows for event, text in zip(events, texts, strict=True)}


@pytest.mark.parametrize("locks", [True, False])
@pytest.mark.parametrize(("standing", "event"), list(product(Standing, Event)))
def test_every_transition_is_the_documented_one(standing: Standing, event: Event, *, locks: bool) -> None:
    text = documented()[standing, event]
    ended = Standing.BARRED if locks else Standing.REFUSED
    expected = {"": standing, "ended": ended}.get(text) or Standing[text]
    assert after(standing, event, locks=locks) is expected


@pytest.mark.parametrize("locks", [True, False])
@pytest.mark.parametrize("event", Event)
def test_what_is_barred_stays_so(event: Event, *, locks: bool) -> None:
    assert after(Standing.BARRED, event, locks=locks) is Standing.BARRED


@pytest.mark.parametrize("standing", [one for one in Standing if one is not Standing.EMPTY])
def test_one_wrong_signature_is_the_end_of_whatever_is_in_use(standing: Standing) -> None:
    assert after(standing, Event.FORGED, locks=True) is Standing.BARRED


@pytest.mark.parametrize("locks", [True, False])
@pytest.mark.parametrize("standing", Standing)
def test_nothing_is_proven_after_a_refusal(standing: Standing, *, locks: bool) -> None:
    assert after(standing, Event.REFUSED, locks=locks) is not Standing.PROVEN


@pytest.mark.parametrize("locks", [True, False])
def test_of_refusals_in_a_row_only_the_first_looks_for_another(*, locks: bool) -> None:
    standing, looks = Standing.FRESH, 0
    for _ in range(10):
        standing = after(standing, Event.REFUSED, locks=locks)
        standing = after(standing, Event.LOOKED_FOR, locks=locks)
        if standing is Standing.SPOILED:
            looks += 1
            standing = after(standing, Event.CAME, locks=locks)
    assert looks == 1
    assert standing is (Standing.BARRED if locks else Standing.REFUSED)
