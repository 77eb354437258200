"""Makes the pictures of the README from a real demo run: `python -m tests.pages.pictures docs/pictures`."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.pages.browser import Browser, browsing

ROOT = Path(__file__).parents[2]
COLUMNS, LINES = 100, 32
_COMMAND = ("demo", "--run-dir", "runs/demo")
# How a drawing is wiped out before the next one.
_ERASE = re.compile(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")
_PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>
html{{background:#16181d}}body{{margin:0;padding:22px 26px;width:max-content}}
pre{{margin:0;font:15px/1.5 "DejaVu Sans Mono",Menlo,Consolas,monospace;color:#dfe3e8}}
{stylesheet}</style><pre>{code}</pre>"""


def main(folder: Path) -> None:
    """Runs the demo in a terminal, and takes a picture of it half-way, at its end, and of the page it leaves."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as name, browsing() as browser:
        place = Path(name)
        head, live, end = _moments(_terminal(place))
        command = f"$ csms-rekey {' '.join(_COMMAND)}\n"
        _picture(browser, place, f"{command}{head}{live}", folder / "terminal.png")
        _picture(browser, place, f"{command}{head}{end}", folder / "end.png")
        browser.open(place / "runs" / "demo" / "run" / "report.html", width=1280)
        browser.picture(folder / "report.png", whole=False)


def _terminal(place: Path) -> str:
    """Everything that the demo writes to a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "batch", *_COMMAND]
    with subprocess.Popen(command, cwd=place, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        try:
            while data := os.read(ours, 1 << 16):
                written += data
        except OSError:
            pass  # the other end is closed: so a terminal ends
        finally:
            os.close(ours)
    if process.returncode:
        raise SystemExit(f"the demo ended with {process.returncode}:\n{written.decode()}")
    return written.decode()


def _moments(written: str) -> tuple[str, str, str]:
    """What stood before the first drawing, a drawing from the middle, and what stood after the last."""
    before, _, drawn = written.partition("\x1b[?25l")
    drawn, _, after = drawn.rpartition("\x1b[?25h")
    drawings = _ERASE.split(drawn)
    middle = len(drawings) // 2
    # One in which something happens, and nothing is missing at its edges.
    best = min(range(1, len(drawings) - 1), key=lambda at: ("throttled" not in drawings[at], abs(at - middle)))
    return before, drawings[best], re.sub(r"^(?:\x1b\[1A\x1b\[2K)+", "", after).lstrip("\r")


def _picture(browser: Browser, place: Path, shown: str, path: Path) -> None:
    console = Console(file=StringIO(), record=True, width=COLUMNS, force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(shown.replace("\r\n", "\n").rstrip()), end="")
    source = place / f"{path.stem}.html"
    source.write_text(console.export_html(theme=MONOKAI, code_format=_PAGE), encoding="utf-8")
    browser.open(source, width=1024)
    size = browser.run("[document.body.offsetWidth, document.body.offsetHeight]")
    browser.picture(path, clip=(size[0], size[1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
