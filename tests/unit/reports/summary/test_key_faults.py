"""What is said of a key in place of the numbers of its states."""

import pytest

from reports.summary.key_faults import KeyFault, code_in, held_code, key_fault


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        ("CSMS.0401", "the key k is in state 1", KeyFault.PENDING_ACTIVATION),
        ("CSMS.0401", "the key k is in state 3, AES_256", KeyFault.DISABLED),
        ("CSMS.0401", "key state: 4", KeyFault.PENDING_DELETION),
        ("CSMS.0401", "in state 5", KeyFault.PENDING_IMPORT),
        ("CSMS.0401", "in state 7", KeyFault.FROZEN),
        ("CSMS.0401", "in state 2, RSA_2048 for SIGN_VERIFY", KeyFault.UNSUITABLE),
        ("CSMS.0401", "key k does not exist", KeyFault.MISSING),
        ("CSMS.0401", "in state 31", KeyFault.REFUSED),
        ("CSMS.0401", "", KeyFault.REFUSED),
        ("KMS.0209", "whatever, state 4", KeyFault.DISABLED),
        ("KMS.0306", "", KeyFault.NO_RIGHT),
        ("KMS.0320", "", KeyFault.FROZEN),
        ("CSMS.0106", "in state 3", None),
        ("", "in state 3", None),
    ],
)
def test_a_code_and_its_message_say_what_is_wrong_with_a_key(code: str, message: str, fault: KeyFault | None) -> None:
    assert key_fault(code, message) is fault


def test_no_word_for_a_key_is_a_number() -> None:
    assert not any(letter.isdigit() for fault in KeyFault for letter in fault)


def test_the_code_of_a_stop_is_found_and_that_of_a_row_only_where_its_key_is_held() -> None:
    held = "held back: 9 rows in a row were refused, none was accepted; tried elsewhere: 3; CSMS.0401: no"
    assert (code_in(held), held_code(held)) == ("CSMS.0401", "CSMS.0401")
    other = "project p: CSMS.0302: no"
    assert (code_in(other), held_code(other), held_code("held back: new words")) == ("CSMS.0302", "", "")
