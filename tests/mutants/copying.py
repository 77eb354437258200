"""Makes the copy of the project that is mutated: numbers in place of constants, and a mark on lines to leave alone."""

import ast
import io
import random
import shutil
import tokenize
from collections.abc import Collection, Iterator
from pathlib import Path

_FOLDERS = ("batch", "jobs", "reports", "tests")
_MARK = "  # pragma: no mutate"


def copy_project(root: Path, place: Path) -> None:
    """Copies what the tests need."""
    for name in _FOLDERS:
        shutil.copytree(root / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", place)


def prepare(paths: Collection[Path], *, lines: int | None, seed: int) -> int:
    """Puts numbers in place of constants, leaves so many lines of code unmarked (None: all), and says how many."""
    texts = {path: with_constants(path.read_text(encoding="utf-8")) for path in paths}
    places = [(path, line) for path, text in sorted(texts.items()) for line in code_lines(text)]
    chosen = set(places if lines is None else random.Random(seed).sample(places, min(lines, len(places))))
    for path, text in texts.items():
        marked = {line for at, line in places if at == path and (at, line) not in chosen}
        path.write_text(mark(text, marked), encoding="utf-8")
    return len(chosen)


def with_constants(text: str) -> str:
    """The module with its numbers in place of the names of its constants, in functions only.

    The tool changes nothing outside functions, and a decision lives in its constants.
    """
    tree = ast.parse(text)
    values = dict(_constants(tree))
    rows = text.encode().splitlines(keepends=True)
    uses = {
        (node.lineno, node.col_offset): node.id
        for part in _bodies(tree)
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and node.id in values
    }
    for (line, column), name in sorted(uses.items(), reverse=True):
        row = rows[line - 1]
        rows[line - 1] = row[:column] + values[name].encode() + row[column + len(name) :]
    return b"".join(rows).decode()


def code_lines(text: str) -> list[int]:
    """The lines inside functions on which a token of code begins, docstrings and comments left out."""
    bodies = _bodies(ast.parse(text))
    inside = {line for part in bodies for line in range(part.lineno, (part.end_lineno or 0) + 1)}
    words = (tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sorted(inside & {token.start[0] for token in tokens if token.type in words})


def mark(text: str, lines: Collection[int]) -> str:
    """The module with a mark at the end of these lines, which the tool leaves alone."""
    rows = text.splitlines()
    return "\n".join(row + _MARK if number in lines else row for number, row in enumerate(rows, 1)) + "\n"


def _bodies(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of all functions but their docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from node.body[1:] if ast.get_docstring(node) else node.body


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=float() | int() as value)):
                if name.lstrip("_").isupper() and not isinstance(value, bool):
                    yield name, repr(value)
            case _:
                pass
