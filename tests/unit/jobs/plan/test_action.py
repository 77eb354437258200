"""What is to be done about a row: the whole table."""

import pytest

from jobs.plan.action import Absent, Action, Shown, Unseen, Wish, decide
from jobs.plan.target_key import USABLE, Fitness, KeyVerdict

OLD, NEW, THIRD = (f"{digit * 8}-{digit * 4}-{digit * 4}-{digit * 4}-{digit * 12}" for digit in "abc")
DISABLED = KeyVerdict(Fitness.UNUSABLE, "is disabled")
NOT_ASKED = KeyVerdict(Fitness.UNCHECKED, "no right")
TO_NEW = Wish(kms_key_id=NEW)
GUARDED = Wish(kms_key_id=NEW, expected_kms_key_id=OLD)
DESCRIBED = Wish(kms_key_id=NEW, description="new")
DELETED = "pending deletion"


@pytest.mark.parametrize(
    ("wish", "seen", "key", "action", "reason"),
    [
        (TO_NEW, Shown(kms_key_id=OLD), USABLE, Action.CHANGE, ""),
        (TO_NEW, Shown(kms_key_id=""), USABLE, Action.CHANGE, "the service shows no key"),
        (TO_NEW, Shown(kms_key_id=OLD), NOT_ASKED, Action.CHANGE, "target key not checked: no right"),
        (TO_NEW, Shown(kms_key_id=NEW), USABLE, Action.UNCHANGED, "is on this key already"),
        (TO_NEW, Shown(kms_key_id=NEW.upper().replace("-", "")), USABLE, Action.UNCHANGED, "is on this key already"),
        # What is done already needs neither a key that works nor a secret that takes changes.
        (TO_NEW, Shown(kms_key_id=NEW), DISABLED, Action.UNCHANGED, "is on this key already"),
        (TO_NEW, Shown(kms_key_id=NEW, standstill=DELETED), USABLE, Action.UNCHANGED, "is on this key already"),
        (GUARDED, Shown(kms_key_id=NEW), USABLE, Action.UNCHANGED, "is on this key already"),
        (DESCRIBED, Shown(kms_key_id=NEW, description="new"), USABLE, Action.UNCHANGED, "is on this key already"),
        (
            DESCRIBED,
            Shown(kms_key_id=NEW, description="old"),
            USABLE,
            Action.CHANGE,
            "is on this key already, and gets its description",
        ),
        (DESCRIBED, Shown(kms_key_id=NEW), DISABLED, Action.KEY_UNUSABLE, "target key is disabled"),
        (GUARDED, Shown(kms_key_id=OLD.upper()), USABLE, Action.CHANGE, ""),
        (GUARDED, Shown(kms_key_id=THIRD), USABLE, Action.DRIFTED, f"expected key {OLD}"),
        (GUARDED, Shown(kms_key_id=""), USABLE, Action.DRIFTED, f"expected key {OLD}"),
        # What is wrong with the secret comes before what is wrong with the key.
        (GUARDED, Shown(kms_key_id=THIRD), DISABLED, Action.DRIFTED, f"expected key {OLD}"),
        (TO_NEW, Shown(kms_key_id=OLD, standstill=DELETED), DISABLED, Action.BLOCKED, DELETED),
        (GUARDED, Shown(kms_key_id=THIRD, standstill="frozen"), USABLE, Action.BLOCKED, "frozen"),
        (TO_NEW, Shown(kms_key_id=OLD), DISABLED, Action.KEY_UNUSABLE, "target key is disabled"),
        (TO_NEW, Absent(), DISABLED, Action.MISSING, "no such secret"),
        (GUARDED, Unseen("CSMS.0302: denied"), USABLE, Action.UNREAD, "CSMS.0302: denied"),
    ],
)
def test_an_action_follows_from_the_row_the_secret_and_the_key(
    wish: Wish, seen: Shown | Absent | Unseen, key: KeyVerdict, action: Action, reason: str
) -> None:
    decision = decide(wish, seen, key)
    assert (decision.action, decision.reason) == (action, reason)


def test_a_run_takes_up_only_what_can_be_done() -> None:
    assert [action for action in Action if action.runs] == [Action.CHANGE, Action.UNCHANGED]
