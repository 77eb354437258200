"""The tutorial does what it says: its commands are run, in one shell, against the sandbox that it starts."""

import os
import re
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(
    r"^```(sh|text)\n(.*?)^```$", (ROOT / "docs" / "tutorial.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
)
MARK = "=== end of block"
PORT = "8484"
# Times and the counts of what was done by then differ from one machine to the next.
VARIES = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9][0-9,.]*")


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def printed_by_each(folder: Path) -> list[str]:
    """What the blocks of commands print, one text for each."""
    command = folder / "bin" / "csms-rekey"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m batch "$@"\n')
    command.chmod(0o755)
    (folder / "empty").mkdir()
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("CSMS_REKEY_", "OS_", "HUAWEI"))}
    ours = {"PATH": f"{command.parent}:{plain['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    locks = {"CSMS_REKEY_LOCK_DIR": str(folder / "locks")}
    script = "".join(f"{text}echo '{MARK}'\n" for kind, text in BLOCKS if kind == "sh")
    done = subprocess.run(
        ["/bin/bash", "-m", "-c", script.replace(PORT, free_port())],
        cwd=folder / "empty",
        env=plain | ours | locks,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.split(f"{MARK}\n")[:-1]


@pytest.mark.slow
def test_the_commands_of_the_tutorial_print_what_it_shows(tmp_path: Path) -> None:
    """Each shown line in its order, whatever stands where it has an ellipsis; figures and ids aside."""
    printed = iter(printed_by_each(tmp_path))
    for (kind, commands), (after, shown) in pairwise([*BLOCKS, ("", "")]):
        if kind != "sh":
            continue
        text = next(printed)
        rest = iter(VARIES.sub("#", line) for line in text.splitlines())
        for line in shown.splitlines() if after == "text" else ():
            assert line == "..." or VARIES.sub("#", line) in rest, f"{line!r} is not what {commands!r} prints:\n{text}"
