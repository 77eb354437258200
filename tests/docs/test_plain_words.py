"""What a person reads is plain English: no text of the program uses a word that stops a native reader."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for name in ("batch", "jobs", "reports") for path in (ROOT / name).rglob("*.py"))
PAGES = sorted((ROOT / "reports" / "page" / "template").iterdir())
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "README.md"])

# Where two words do not say why: they are those of somebody who translates.
STIFF = (
    r"told",
    r"(?<!there )(?:is|are|was|were) no (?!longer\b|more\b|later\b|less\b|one\b)\w+",
    r"anew",
    r"to be had",
    r"goe?s? on(?! the wire\b)",
    r"at the most",
    r"whoever",
    r"as it is",
    r"at work",
    r"gone",
)
PHRASES = (
    r"where to\?",
    r"nothing was ever sent",
    r"what is open \(",
    r"once more breaks",
    r"breaks it off",
    r"not told",
    r"no cloud server",
    r"nothing is held",
    r"not known here",
    r"it ends by itself",
    r"tells the commands",
    r"one argument too many",
    r"which one counts",
    r"names count exactly",
    r"a place in a path",
    r"problems of the file itself",
    r"where a run stands",
    r"while it is going",
    r"one harmless read",
    r"Show it: a sandbox",
    r"at once after a pause",
    r"open requests at",
    r"per row at the",
    r"instead of the one of",
    r"all the same",
    r"there at the end",
    r"token is good for",
    r"comes before the environment",
    r"s gone\b",
    r"no row has ended",
    r"when no PUT of theirs",
    r"of theirs",
    r"breaker open, again",
    r"all of this for machines",
    r"for people, as a page",
    r"rows to run again",
    r"half are faster",
    r"no end of it",
    r"as it was loaded",
    r"to be found on the way",
    r"have their share each",
    r"is believed",
    r"work off",
    r"so it does after",
    r"all that is secret",
    r"can be told",
    r"nobody wants to know",
    r"is not for good",
    r"no sense in the answer",
    r"on their way when",
    r"where it was, and whether",
)
# In code, where a plainer word is always at hand: not known, not asked, separate.
IN_CODE = re.compile(r"\bnobody\b|\bof (?:its|their) own\b(?! project)", re.IGNORECASE)
AVOIDED = re.compile(
    "|".join(rf"\b(?:{one})" if one[0].isalpha() else one for one in (*STIFF, *PHRASES)), re.IGNORECASE
)
NAMES = re.compile(r"`[^`]*`")
SQL = re.compile(r"\b(?:SELECT|FROM|INSERT|CREATE|DROP|JOIN)\b")


def texts(source: str) -> Iterator[tuple[int, str]]:
    """String literals and docstrings that hold more than one word; the ledger's own SQL is for no reader."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = " ".join(NAMES.sub("", node.value).split())
            if " " in text and not SQL.search(text):
                yield node.lineno, text


def found(text: str) -> list[str]:
    """Each of them with the words around it."""
    return [text[max(0, hit.start() - 40) : hit.end() + 30] for hit in AVOIDED.finditer(text)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_texts_in_code_are_plain_english(path: Path) -> None:
    read = list(texts(path.read_text(encoding="utf-8")))
    assert [(line, hit) for line, text in read for hit in found(text)] == []
    assert [(line, text) for line, text in read if IN_CODE.search(text)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_page_is_plain_english(path: Path) -> None:
    assert found(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_documentation_is_plain_english(path: Path) -> None:
    """Names and code aside."""
    text = NAMES.sub("", re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL))
    assert found(" ".join(text.split())) == []


@pytest.mark.parametrize(
    "text",
    [
        "it was told twice",
        "that is no key",
        "this goes on",
        "take it as it is",
        "the file is gone",
        "12 s gone",
        "Whoever",
    ],
)
def test_each_kind_of_stiff_word_is_found(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize(
    "text", ["there is no login", "it is no longer there", "as far as is known", "a token goes on the wire"]
)
def test_plain_words_are_let_pass(text: str) -> None:
    assert found(text) == []
