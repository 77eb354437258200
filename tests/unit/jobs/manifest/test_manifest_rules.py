"""What a cell must look like, and how it is said when it does not."""

import pytest

from jobs.problem import Problem
from jobs.rules import KEY_PATTERN, PROJECT_PATTERN, description_fault, key_check, name_fault, project_check

KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
PROJECT = "0123456789abcdef0123456789abcdef"
NAME_RULE = "is not a secret name: letters, digits, '.', '_' and '-' only"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (None, "is null"),
        ("", "is empty"),
        (".", "'.' is a path segment, not a secret name"),
        ("..", "'..' is a path segment, not a secret name"),
        (" a", "' a' has whitespace around it (U+0020 SPACE); remove it"),
        ("a\u00a0", "'a\\xa0' has whitespace around it (U+00A0 NO-BREAK SPACE); remove it"),
        ("a\t", "'a\\t' has whitespace around it (U+0009 control character); remove it"),
        ("a\x0b", "'a\\x0b' has whitespace around it (U+000B control character); remove it"),
        ("a\u200bb", "'a\\u200bb' holds U+200B ZERO WIDTH SPACE at character 2; remove it"),
        ("\ufeffa", "'\\ufeffa' holds U+FEFF ZERO WIDTH NO-BREAK SPACE at character 1; remove it"),
        ("a\u202eb", "'a\\u202eb' holds U+202E RIGHT-TO-LEFT OVERRIDE at character 2; remove it"),
        ("a\x1b[2J", "'a\\x1b[2J' holds U+001B control character at character 2; remove it"),
        ("a\x1a", "'a\\x1a' holds U+001A control character at character 2; remove it"),
        ("a b", f"'a b' {NAME_RULE}"),
        ("../x", f"'../x' {NAME_RULE}"),
        ("a/b", f"'a/b' {NAME_RULE}"),
        ("a?x=1", f"'a?x=1' {NAME_RULE}"),
        ("a#f", f"'a#f' {NAME_RULE}"),
        ("%2e%2e", f"'%2e%2e' {NAME_RULE}"),
        ("\u5bc6\u94a5", f"'\u5bc6\u94a5' {NAME_RULE} (U+5BC6 CJK UNIFIED IDEOGRAPH-5BC6 at character 1)"),
        ("\u0661", f"'\u0661' {NAME_RULE} (U+0661 ARABIC-INDIC DIGIT ONE at character 1)"),
        ("db-p\u0430ss", f"'db-p\u0430ss' {NAME_RULE} (U+0430 CYRILLIC SMALL LETTER A at character 5)"),
        ("a\u00a0b", "'a\\xa0b' holds U+00A0 NO-BREAK SPACE at character 2; remove it"),
        ("x" * 65, "is 65 characters long, at most 64 are possible"),
    ],
)
def test_a_name_the_service_could_not_have_is_refused(name: str | None, reason: str) -> None:
    """What cannot be seen is named."""
    assert name_fault(name) == reason


KEY_RULE = "is not a UUID or 32 hexadecimal digits (--key-pattern)"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "is null"),
        ("", "is empty"),
        (KEY, None),
        (KEY.upper(), None),
        ("test", f"'test' {KEY_RULE}"),
        (KEY[:-1], f"'{KEY[:-1]}' {KEY_RULE}"),
        (KEY.replace("-", ""), None),
        (KEY.replace("0d", "0g"), f"'{KEY.replace('0d', '0g')}' {KEY_RULE}"),
        (f"{{{KEY}}}", f"'{{{KEY}}}' {KEY_RULE}"),
        (
            KEY.replace("-", "\u2011"),
            f"'{KEY.replace('-', chr(0x2011))}' {KEY_RULE} (U+2011 NON-BREAKING HYPHEN at character 9)",
        ),
        (
            KEY.replace("7f", "\uff17f"),
            f"'{KEY.replace('7f', chr(0xFF17) + 'f')}' {KEY_RULE} (U+FF17 FULLWIDTH DIGIT SEVEN at character 35)",
        ),
        (
            KEY[:3] + "\u200b" + KEY[3:],
            f"'{KEY[:3]}\\u200b{KEY[3:]}' holds U+200B ZERO WIDTH SPACE at character 4; remove it",
        ),
        (KEY + " ", f"'{KEY} ' has whitespace around it (U+0020 SPACE); remove it"),
        ("x" * 65, "is 65 characters long, 2 to 64 are possible"),
        ("x", "is 1 character long, 2 to 64 are possible"),
    ],
)
def test_a_key_is_a_uuid_or_32_hex_digits(key: str | None, reason: str | None) -> None:
    """A key cut short by a truncated file is seen; so is an empty one, which would change nothing and succeed."""
    assert key_check(KEY_PATTERN)(key) == reason


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "is null"),
        ("", "is empty"),
        ("k\u200d1", "'k\\u200d1' holds U+200D ZERO WIDTH JOINER at character 2; remove it"),
        ("\u00a0k", "'\\xa0k' has whitespace around it (U+00A0 NO-BREAK SPACE); remove it"),
        ("k\n", "'k\\n' has whitespace around it (U+000A control character); remove it"),
        ("alias/csms", None),
    ],
)
def test_what_shows_nothing_passes_no_pattern(key: str | None, reason: str | None) -> None:
    """Whatever a pattern admits, an empty key is never sent."""
    assert key_check("(?s:.*)")(key) == reason


def test_a_pattern_matches_a_whole_text() -> None:
    """A prefix is not enough, and alternatives cannot escape."""
    check = key_check("ab|abc")
    assert check("abc") is None
    assert check("abx") == "'abx' is not of the form ab|abc (--key-pattern)"


@pytest.mark.parametrize(
    ("project", "reason"),
    [
        (PROJECT, None),
        (PROJECT.upper(), f"'{PROJECT.upper()}' is not 32 hexadecimal digits in lower case (--project-pattern)"),
        (PROJECT + "0", f"'{PROJECT}0' is not 32 hexadecimal digits in lower case (--project-pattern)"),
        ("", "is empty"),
    ],
)
def test_a_project_is_32_hex_digits(project: str, reason: str | None) -> None:
    """It becomes a part of the path."""
    assert project_check(PROJECT_PATTERN)(project) == reason
    assert project_check("[a-z]+")("proj") is None
    # It stands in the path of every request: these lead out of it.
    assert all(project_check(".*")(text) for text in (".", ".."))


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        (None, None),
        ("", None),
        ("x" * 2048, None),
        ("x" * 2049, "is 2049 bytes of UTF-8, at most 2048 are possible"),
        ("\u5bc6" * 682, None),
        ("\u5bc6" * 683, "is 2049 bytes of UTF-8, at most 2048 are possible"),
        ("\U0001f511" * 512, None),
        (" spaces stay ", None),
        ("\U0001f468\u200d\U0001f469 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u3000", None),
        ("a\tb", "'a\\tb' holds U+0009 control character at character 2; remove it"),
        ("a\u2028b", "'a\\u2028b' holds U+2028 LINE SEPARATOR at character 2; remove it"),
        ("\u202eb", "'\\u202eb' holds U+202E RIGHT-TO-LEFT OVERRIDE at character 1; remove it"),
        ("a\ufeff", "'a\\ufeff' holds U+FEFF ZERO WIDTH NO-BREAK SPACE at character 2; remove it"),
    ],
)
def test_a_description_is_2048_bytes_of_text(description: str | None, reason: str | None) -> None:
    """Measured in UTF-8, sent as it stands; joiners belong to scripts and emoji, direction marks do not."""
    assert description_fault(description) == reason


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        (Problem(file="m.csv", line=7, row=6, column="c", reason="r", structural=False), "m.csv:7: c: r"),
        (Problem(file="m.parquet", row=6, column="c", reason="r", structural=False), "m.parquet: row 6: c: r"),
        (Problem(file="m.csv", reason="r", structural=True), "m.csv: r"),
        (Problem(file="\u5bc6 \x1b.csv", column="a\u202eb", reason="r", structural=True), None),
    ],
)
def test_a_problem_is_one_plain_line(problem: Problem, shown: str | None) -> None:
    """File, line, column, reason; nothing in it can drive a terminal."""
    assert str(problem).isprintable()
    assert shown is None or str(problem) == shown
