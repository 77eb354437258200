import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.printable import all_plain, cell, name_cell, plain_name, printable, printable_json, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 100 %", "plain text, 100 %"),
        ("密钥不存在 \u00e9 \U0001f511", "密钥不存在 \u00e9 \U0001f511"),
        ("non\u00a0breaking", "non\u00a0breaking"),
        ("a\tb\nc\r\n", r"a\tb\nc\r\n"),
        ("\x1b[2J\x9b31m\x7f\0", r"\x1b[2J\x9b31m\x7f\x00"),
        ("\u202egnp.exe\u2066x\u2069", r"\u202egnp.exe\u2066x\u2069"),
        ("a\u200b\u200d\ufeff\u2060b", r"a\u200b\u200d\ufeff\u2060b"),
        ("a\u2028b\u2029c\u0085d", r"a\u2028b\u2029c\x85d"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("[red]markup[/red]", "[red]markup[/red]"),
    ],
)
def test_what_cannot_be_seen_or_drives_a_terminal_is_written_out(text: str, shown: str) -> None:
    """And any other text stays unchanged."""
    assert printable(text) == shown


def test_what_an_encoding_lacks_is_written_out() -> None:
    """So that writing it there cannot fail."""
    assert printable("key 密钥 \u00e9", "latin-1") == "key \\u5bc6\\u94a5 \u00e9"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_becomes_one_harmless_line(text: str) -> None:
    """And doing it twice changes nothing more."""
    shown = printable(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    assert printable(text, "ascii").isascii()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("x" * 10, "x" * 10), ("x" * 11, "xxxxxxx..."), ("\x1b" * 3, r"\x1b\x1..."), ("x" * 2_000_000, "xxxxxxx...")],
)
def test_a_shortened_text_says_that_it_is(text: str, shown: str) -> None:
    """Its length counts what is shown, and the dots count as well."""
    assert shortened(text, 10) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("it's fine", "it's fine"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", r"'\t=1+1"),
        ("\r=1+1", r"'\r=1+1"),
        ("\x1b[31m", r"'\x1b[31m"),
        ("a=1", "a=1"),
        ("\u202e=1", r"\u202e=1"),
    ],
)
def test_a_cell_is_no_formula(text: str, shown: str) -> None:
    """In the eyes of a spreadsheet, which also looks past blanks and at full-width signs."""
    assert cell(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-a", "-a"),
        ("-1.5", "-1.5"),
        ("007", "007"),
        ("-a b", "'-a b"),
        ("=a", "'=a"),
        ("-a\n", r"'-a\n"),
        ("-" + "a" * 64, "'-" + "a" * 64),
    ],
)
def test_a_valid_name_stays_exactly_as_it_is(text: str, shown: str) -> None:
    """An apostrophe would make it another name."""
    assert name_cell(text) == shown


@given(st.text())
def test_json_stays_the_same_value_and_holds_nothing_that_drives_a_terminal(text: str) -> None:
    shown = printable_json(json.dumps({"said": text}, ensure_ascii=False))
    assert json.loads(shown) == {"said": text}
    assert len(shown.splitlines()) == 1
    assert not {unicodedata.category(one) for one in shown} & {"Cc", "Cf", "Zl", "Zp"}


PLAIN_OR_NOT = st.one_of(
    st.from_regex(r"[A-Za-z0-9._-]{0,3}", fullmatch=True),
    st.text(st.characters(exclude_categories=()), max_size=3),
    st.sampled_from(["", "a,b", ",", "-a", "x" * 64, "x" * 65]),
)


@given(st.lists(PLAIN_OR_NOT, min_size=1, max_size=4))
def test_names_are_plain_together_where_each_of_them_is_or_is_empty(texts: list[str]) -> None:
    assert all_plain(texts) == all(text == "" or plain_name(text) is not None for text in texts)
