"""Whether a key can take secrets, by what KMS says of it: the whole table."""

import pytest

from jobs.plan.target_key import Fitness, KeyFacts, verdict_on

SOUND = {"state": "enabled", "spec": "AES_256", "usage": "ENCRYPT_DECRYPT"}


@pytest.mark.parametrize(
    ("facts", "fitness", "reason"),
    [
        (SOUND, Fitness.USABLE, "is enabled"),
        (SOUND | {"spec": "SM4"}, Fitness.USABLE, "is enabled"),
        (SOUND | {"state": "disabled"}, Fitness.UNUSABLE, "is disabled"),
        (SOUND | {"state": "pending deletion"}, Fitness.UNUSABLE, "is pending deletion"),
        (SOUND | {"state": "pending import"}, Fitness.UNUSABLE, "is pending import"),
        (SOUND | {"state": "pending activation"}, Fitness.UNUSABLE, "is pending activation"),
        (SOUND | {"state": "frozen"}, Fitness.UNUSABLE, "is frozen"),
        (SOUND | {"spec": "RSA_2048"}, Fitness.UNUSABLE, "is of the kind RSA_2048, not AES_256 or SM4"),
        (
            SOUND | {"spec": "EC_P256", "state": "disabled"},
            Fitness.UNUSABLE,
            "is of the kind EC_P256, not AES_256 or SM4",
        ),
        (SOUND | {"usage": "SIGN_VERIFY"}, Fitness.UNUSABLE, "is for SIGN_VERIFY, not for ENCRYPT_DECRYPT"),
        # An edition of KMS that shows less is no reason to refuse, and none to promise anything.
        (SOUND | {"spec": ""}, Fitness.UNCHECKED, "is enabled, and KMS does not show its kind"),
        (SOUND | {"usage": ""}, Fitness.UNCHECKED, "is enabled, and KMS does not show its usage"),
        (SOUND | {"state": "in an unknown state"}, Fitness.UNCHECKED, "KMS shows no state that is known here"),
        (
            {"trouble": "KMS.0207: no such key", "refused": True},
            Fitness.UNUSABLE,
            "is refused by KMS in this project: KMS.0207: no such key",
        ),
        ({"trouble": "KMS.0307: no right"}, Fitness.UNCHECKED, "KMS.0307: no right"),
    ],
)
def test_a_key_is_judged_by_what_kms_shows_and_never_guessed(
    facts: dict[str, object], fitness: Fitness, reason: str
) -> None:
    verdict = verdict_on(KeyFacts(**facts))  # type: ignore[arg-type] # a row of the table
    assert (verdict.fitness, verdict.reason) == (fitness, reason)


def test_a_key_that_was_not_asked_about_is_not_checked() -> None:
    assert verdict_on(None).fitness is Fitness.UNCHECKED
