"""Makes what the pages say of commands and options from the program itself: `python -m tests.docs.made_pages`."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from batch.cli import help_page
from batch.cli.app import app, commands
from batch.cli.environment import variable_of

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS, ENVIRONMENT = DOCS / "commands.md", DOCS / "environment.md"
WIDTH = 118
BEGIN, END = "<!-- made by `make pages`: begin -->\n", "<!-- made by `make pages`: end -->\n"
_HEAD = """# Commands and options

This page is made from the program (`make pages`): it says what `csms-rekey COMMAND --help-all` says. Every option is
also an environment variable and a key of a job file, unless the end of a section says otherwise; [options](options.md)
explains how that works, and [environment](environment.md) lists the variables.
"""
_HEADING = re.compile(r"^#{2,3} csms-rekey ", re.MULTILINE)
_OPTION = re.compile(r"^\* `(--[a-z0-9-]+) ([A-Z]+)(\.{3})?`", re.MULTILINE)
_CODE = re.compile(r"(```.*?```|`[^`]*`)", re.DOTALL)


def commands_page() -> str:
    """Every command in the order of use, with its options, their defaults, and its exit codes."""
    front, *parts = _HEADING.split(app.generate_docs())
    listed = front[front.index("\n**") :].replace(":\n\n*", "\n\n*")
    # The generator puts groups of commands first.
    order = re.findall(r"\(#csms-rekey-([a-z]+)\)", listed)
    parts.sort(key=lambda part: order.index(part.split(maxsplit=1)[0]))
    return "\n".join([_HEAD, _tidy(listed).strip(), *map(_command, parts)]).rstrip() + "\n"


def environment_page(page: str) -> str:
    """The page as it stands, with the variables of all options between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = (f"| `{variable}` | `{option}` | {', '.join(takers)} |\n" for option, variable, takers in variables())
    return "".join((before, BEGIN, "| variable | option | commands |\n|---|---|---|\n", *rows, END, after))


def variables() -> Iterator[tuple[str, str, list[str]]]:
    """Every option that may be given as a variable, that variable, and the commands that take it."""
    takers: dict[str, list[str]] = {}
    for command, itself in commands().items():
        for argument in itself.assemble_argument_collection() if itself.config else ():
            if argument.show and argument.name.startswith("--"):
                takers.setdefault(argument.name, []).append(command)
    for option in sorted(takers):
        yield option, variable_of(option), takers[option]


def _command(text: str) -> str:
    name, _, rest = text.partition("\n")
    itself = app
    for word in name.split():
        itself = itself[word]
    codes = str(itself.help_epilogue or "").partition("\n\n")[0]
    # The generator names a command twice where its name is given apart from its function's.
    last = name.rpartition(" ")[2]
    rest = _OPTION.sub(
        _with_its_word,
        _tidy(rest).replace(f"{name} {name} ", f"{name} ").replace(f"{name} {last} ", f"{name} ").rstrip(),
    )
    return f"\n## csms-rekey {name}\n{rest}\n\n{textwrap.fill(_tidy(codes), WIDTH)}".rstrip()


def _with_its_word(option: re.Match[str]) -> str:
    """The option with what stands for its value in the help, where the generator has the type of the value."""
    flags, kind, more = option.groups(default="")
    return f"* `{flags} {help_page._VALUES.get(flags, help_page._KINDS.get(kind, kind))}{more}`"


def _tidy(text: str) -> str:
    """Angle brackets are a part of the text, not HTML; square ones need no escape, as nothing here is a link."""
    return "".join(part if part.startswith("`") else _plain(part) for part in _CODE.split(text))


def _plain(text: str) -> str:
    return text.replace("<", "&lt;").replace("*[", "[").replace("]*", "]").replace("**[", "[").replace("\\[", "[")


if __name__ == "__main__":
    COMMANDS.write_text(commands_page(), encoding="utf-8")
    ENVIRONMENT.write_text(environment_page(ENVIRONMENT.read_text(encoding="utf-8")), encoding="utf-8")
