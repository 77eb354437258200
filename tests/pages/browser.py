"""Drives a headless Chromium over its DevTools pipe, and keeps what the page asks for and complains about."""

import base64
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
# The protocol is spoken on descriptors 3 and 4.
_START = (
    sys.executable,
    "-c",
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])",
)
_COMPLAINTS = {"Runtime.exceptionThrown", "Log.entryAdded"}


@dataclass(kw_only=True)
class Heard:
    """What a page asked for, and what went wrong on it."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class Browser:
    """One tab. Every call waits for its answer; events that come meanwhile are kept."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = requests
        self._answers = answers
        self._buffer = b""
        self._last = 0
        self._loaded = False
        self._session: str | None = None
        self.heard = Heard()

    def start(self) -> None:
        """Opens the tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def open(self, path: Path, *, width: int = 1440, dark: bool = False, script: bool = True) -> None:
        """Shows a file in a window that wide, and waits until it is loaded."""
        self.heard = Heard()
        self._loaded = False
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not self._loaded:
            self._take()

    def run(self, script: str) -> Any:
        """The value of an expression in the page; awaits it where it is a promise."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Presses a key."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path: Path, *, whole: bool = True, clip: tuple[float, float] | None = None) -> None:
        """Takes a picture of the page, of what fits the window, or of so much from the upper left corner."""
        area = {} if clip is None else {"clip": {"x": 0, "y": 0, "width": clip[0], "height": clip[1], "scale": 1}}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **area)
        path.write_bytes(base64.b64decode(shot["data"]))

    def paper(self, path: Path) -> None:
        """Prints the page to PDF, on the paper it asks for."""
        printed = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(printed["data"]))

    def call(self, method: str, **params: Any) -> Any:
        """One command of the protocol."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        data = msgspec.json.encode(message) + b"\0"
        while data:
            data = data[os.write(self._requests, data) :]
        while (answer := self._take()).get("id") != self._last:
            pass
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def _take(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._answers, 1 << 16)
            if not data:
                raise AssertionError("Chromium is gone")
            self._buffer += data
        raw, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = msgspec.json.decode(raw)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.heard.requests.append(params["request"]["url"])
        elif method in _COMPLAINTS or (method == "Runtime.consoleAPICalled" and params["type"] in {"error", "warning"}):
            self.heard.complaints.append(msgspec.json.encode(params).decode())
        elif method == "Page.loadEventFired":
            self._loaded = True


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """A browser with a new, empty profile, gone at the end with all it started."""
    if CHROMIUM is None:
        raise RuntimeError("no Chromium is installed")
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile, _pipes() as pipes:
        theirs_in, ours_out, ours_in, theirs_out = pipes
        with subprocess.Popen(
            [*_START, str(theirs_in), str(theirs_out), CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        ) as process:
            os.close(theirs_in)
            os.close(theirs_out)
            browser = Browser(ours_out, ours_in)
            try:
                browser.start()
                yield browser
            finally:
                with contextlib.suppress(AssertionError, OSError):
                    browser._session = None
                    browser.call("Browser.close")
                process.kill()


@contextlib.contextmanager
def _pipes() -> Iterator[tuple[int, int, int, int]]:
    """Theirs to read, ours to write, ours to read, theirs to write; all above the numbers they will have."""
    made = []
    for descriptor in (*os.pipe(), *os.pipe()):
        made.append(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(descriptor)
    try:
        yield made[0], made[1], made[2], made[3]
    finally:
        os.close(made[1])
        os.close(made[2])
