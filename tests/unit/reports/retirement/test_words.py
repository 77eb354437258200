"""Whether an old key may be retired, in sentences."""

import pytest

from jobs.model import Scope
from jobs.retirement import Gap, GapKind, KeyFacts, Uses, Verdict
from reports.retirement.document import KeyResult
from reports.retirement.words import gap_words, key_sentence, sentence

PLACE = Scope(endpoint="https://csms.example", project_id="p")
UNKNOWN = (KeyFacts(project=PLACE, kms_key_id="K", absent=True),)
PUSHED = "newer versions have pushed the old ones out."


@pytest.mark.parametrize(
    ("verdict", "uses", "facts", "gaps", "expected"),
    [
        (
            Verdict.FREE,
            Uses(),
            (),
            0,
            (
                "Key K is free: no secret points at it, and no version was made with it, in the project looked at, with"
                " 1,200 secrets."
            ),
        ),
        (
            Verdict.NEEDED,
            Uses(secrets=40, pointer=12, current=40, previous=3, other=5),
            (),
            0,
            (
                "Key K is still needed: 12 secrets point at it, 40 current, 3 previous and 5 other versions were made"
                f" with it; it is free once the secrets are on another key and {PUSHED}"
            ),
        ),
        (
            Verdict.NEEDED,
            Uses(secrets=1, current=1),
            (),
            2,
            (
                f"Key K is still needed: 1 current version was made with it; it is free once {PUSHED} 2 projects were"
                " not read completely, so there may be more."
            ),
        ),
        (
            Verdict.NEEDED,
            Uses(secrets=1, pointer=1),
            (),
            0,
            "Key K is still needed: 1 secret points at it; it is free once the secret is on another key.",
        ),
        (
            Verdict.INCOMPLETE,
            Uses(),
            (),
            1,
            "It is not yet known whether key K is free: no use of it was seen, but 1 project was not read completely.",
        ),
        (
            Verdict.INCOMPLETE,
            Uses(),
            (),
            0,
            "It is not yet known whether key K is free: no use of it was seen, but not everything was looked at.",
        ),
        (
            Verdict.INCOMPLETE,
            Uses(),
            UNKNOWN,
            0,
            (
                "It is not yet known whether key K is free: no use of it was seen, but KMS does not know such a key in"
                " the project. Is its id right?"
            ),
        ),
    ],
)
def test_the_sentence_on_one_key(
    verdict: Verdict, uses: Uses, facts: tuple[KeyFacts, ...], gaps: int, expected: str
) -> None:
    assert key_sentence("K", verdict, uses, facts=facts, projects=1, gaps=gaps, secrets=1_200) == expected


def test_the_sentence_on_several_keys() -> None:
    verdicts = (Verdict.FREE, Verdict.NEEDED, Verdict.INCOMPLETE, Verdict.FREE)
    keys = [KeyResult(kms_key_id="K", verdict=verdict, sentence="One.", uses=Uses(), states=()) for verdict in verdicts]
    assert sentence([keys[1]] * 2) == "Both old keys are still needed."
    assert sentence([keys[0]] * 3) == "All 3 old keys are free."
    assert sentence(keys) == "Of 4 old keys 1 is still needed, 1 is not decided and 2 are free."
    assert sentence(keys[:1]) == "One."


@pytest.mark.parametrize(
    ("kind", "secrets", "reason", "expected"),
    [
        (GapKind.PROJECT, 0, "wrong login", "nothing more could be asked of it: wrong login"),
        (GapKind.LIST, 0, "", "its list of secrets was not read to its end"),
        (GapKind.HIDDEN, 1, "", "its list does not show 1 secret that exists, so it may hide more"),
        (GapKind.HIDDEN, 2, "", "its list does not show 2 secrets that exist, so it may hide more"),
        (GapKind.SECRET, 1, "no right", "1 secret could not be read: no right"),
        (GapKind.VERSIONS, 1_000, "no right", "the versions of 1,000 secrets were not read: no right"),
        (GapKind.NO_KEY, 1, "", "1 secret shows no key, or none for a version"),
    ],
)
def test_what_was_not_seen_in_words(kind: GapKind, secrets: int, reason: str, expected: str) -> None:
    assert gap_words(Gap(project=PLACE, kind=kind, secrets=secrets, reason=reason)) == expected
