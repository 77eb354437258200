"""A credential that a service echoes is taken out wherever this program cut the text that it stands in."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from batch.csms.faults import MESSAGE_LIMIT, bounded
from batch.redaction.masked import CUT, Masked
from batch.redaction.redactor import MASK, Redactor

TOKEN = "MII+/=" + "".join(chr(33 + (7 * n) % 90) for n in range(2_994))
KEPT = MESSAGE_LIMIT - len(CUT)
SECRETS = {
    "a long token": TOKEN,
    "an access key": "HPUAA1B2C3D4E5F6G7H8",
    "a password": "Tr0ub4dor&3xyz",
    "a password with gaps": "correct horse battery staple",
    "a short password": "pw-1",
    "a password that is no valid text": "p\udce4ssword-1",
}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def _base64_for_urls(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def _percent(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def _hex(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").hex()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": _base64,
    "base64 for URLs": _base64_for_urls,
    "percent-encoded": _percent,
    "as JSON": lambda text: json.dumps(text)[1:-1],
    "hexadecimal": _hex,
}
# A text that is this short stands for itself alone: in another form it would be a part of other words.
CASES = [(name, form) for name in SECRETS for form in FORMS if len(SECRETS[name]) >= 8 or form == "plain"]


def redactor_of(*secrets: str) -> Redactor:
    made = Redactor()
    made.watch(lambda: tuple(Masked(secret) for secret in secrets))
    return made


@pytest.mark.parametrize(("name", "form"), CASES)
def test_wherever_the_limit_cuts_a_credential_nothing_of_it_stays(name: str, form: str) -> None:
    secret = FORMS[form](SECRETS[name])
    clean = redactor_of(SECRETS[name]).clean
    for before in range(max(0, KEPT - len(secret)), KEPT):
        message = bounded("~" * before + secret + "~" * MESSAGE_LIMIT)
        assert clean(message) == f"{'~' * before}{MASK}{CUT}", f"{KEPT - before} characters were kept"


@pytest.mark.parametrize("user", ["u:", ":", "user:"])
def test_a_login_in_base64_behind_a_user_is_found_wherever_it_is_cut(user: str) -> None:
    """A character at either end that the password shares with what is beside it is not taken for it."""
    travelling, shared = _base64(user + SECRETS["an access key"]), -(-8 * len(user) // 6)
    clean = redactor_of(SECRETS["an access key"]).clean
    for before in range(KEPT - len(travelling) + 1, KEPT - shared):
        message = bounded("~" * before + travelling + "~" * MESSAGE_LIMIT)
        assert clean(message) == f"{'~' * before}{travelling[:shared]}{MASK}{CUT}", before


@pytest.mark.parametrize("kept", range(1, 40))
def test_a_cut_text_may_stand_inside_another(kept: int) -> None:
    cut = bounded("~" * (KEPT - kept) + TOKEN)
    assert redactor_of(TOKEN).clean(f"refused: {cut}; a read shows another key") == (
        f"refused: {'~' * (KEPT - kept)}{MASK}{CUT}; a read shows another key"
    )


def test_of_two_credentials_that_begin_alike_the_longer_piece_is_taken_out() -> None:
    clean = redactor_of("abcd", "--abcd-and-more").clean
    assert clean(f"see --abcd{CUT}") == f"see {MASK}{CUT}"


def test_a_credential_before_the_cut_does_not_shelter_the_piece_at_the_cut() -> None:
    """It makes the text shorter, which moves the piece to where it would be shown."""
    clean = redactor_of(TOKEN[:300]).clean
    assert clean(bounded("~" * 190 + TOKEN[:300] + TOKEN)) == f"{'~' * 190}{MASK}{MASK}{CUT}"
    assert clean(bounded("~" * 190 + TOKEN[:300] + " " + TOKEN)) == f"{'~' * 190}{MASK} {MASK}{CUT}"


def test_a_signature_is_taken_out_where_it_is_cut() -> None:
    cut = bounded("~" * (KEPT - 20) + "Signature=" + "0a" * 32)
    assert redactor_of().clean(cut) == f"{'~' * (KEPT - 20)}Signature={MASK}{CUT}"


def test_a_text_within_the_limit_is_kept_whole_and_one_beyond_it_shows_that_it_was_cut() -> None:
    assert bounded("x" * MESSAGE_LIMIT) == "x" * MESSAGE_LIMIT
    assert bounded("x" * (MESSAGE_LIMIT + 1)) == "x" * KEPT + CUT
    assert bounded("x" * 99, 9) == "xxxx" + CUT
    assert redactor_of("secret-words").clean(f"nothing{CUT}") == f"nothing{CUT}"
