"""Whatever reaches a stream or the log passes the redactor last, and the log takes known fields only."""

import ast
import base64
import html
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from batch.csms.auth import Masked
from batch.csms.network import Network, parse_proxy
from batch.csms.tls import client_context
from batch.redaction import forms
from batch.redaction.redactor import MASK, RedactedStream, Redactor, StandardStream, guard_streams
from batch.telemetry import log
from jobs.run_dir import names

ROOT = Path(__file__).parents[3]
SECRET = 'canary/5f+3c="q\u00e9"'  # noqa: S105 # what is looked for
TOKEN = "MIIcanaryTOKEN" + "0123456789abcdef" * 20


def redactor(*secrets: str) -> Redactor:
    made = Redactor()
    made.watch(lambda: tuple(Masked(secret) for secret in secrets))
    return made


@pytest.mark.parametrize(
    "shape",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"u:" + SECRET.encode()).decode(),
        base64.b64encode(b":" + SECRET.encode()).decode(),
        html.escape(SECRET),
        json.dumps(SECRET).replace("/", "\\/"),
        SECRET.encode().hex().upper(),
    ],
)
def test_a_secret_is_found_in_every_shape_it_may_come_in(shape: str) -> None:
    cleaned = redactor(SECRET).clean(f"before {shape} after")
    assert "canary" not in cleaned
    assert not any(base64.b64encode(b"_" * n + b"canary/5f")[4:10].decode() in cleaned for n in range(3))
    assert b"canary".hex().upper() not in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


STRAY = "p\udce4ssword-canary-1"


@pytest.mark.parametrize("form", [STRAY, quote(STRAY.encode("utf-8", "surrogatepass")), repr(STRAY), ascii(STRAY)])
def test_a_secret_that_is_no_valid_text_is_taken_out_like_any_other(form: str) -> None:
    """Python itself would show it, in the error of whatever tries to encode it."""
    assert "canary" not in redactor(STRAY).clean(f"before {form} after")
    assert Masked(STRAY) != Masked("other")


def test_a_text_that_cannot_be_cleaned_is_not_shown_at_all() -> None:
    class Broken(Redactor):
        def clean(self, text: str) -> str:
            raise ValueError(text)

    stream = io.StringIO()
    RedactedStream(stream, Broken()).write("canary")
    assert stream.getvalue() == f"{MASK}\n"


def test_the_login_of_a_proxy_is_found_in_the_form_it_travels_in() -> None:
    proxy = parse_proxy("http://p:1", {"CSMS_REKEY_PROXY_USER": "user", "CSMS_REKEY_PROXY_PASSWORD": "canary-pw"})
    made = redactor(*(secret.reveal() for secret in Network(client_context(), proxy).secrets()))
    travelling = base64.b64encode(b"user:canary-pw").decode()
    assert made.clean(f"Basic {travelling}").rstrip("=") == f"Basic {MASK}"
    assert made.clean("a user, and canary-pw") == f"a user, and {MASK}"


@pytest.mark.parametrize("length", [16, 40, 100, len(TOKEN)])
def test_a_long_secret_is_found_where_it_was_cut_off(length: int) -> None:
    assert redactor(TOKEN).clean(f"Got more than 8190 bytes when reading: b'{TOKEN[:length]}'.") == (
        f"Got more than 8190 bytes when reading: b'{MASK}'."
    )


def test_a_short_password_is_taken_out_as_a_word_and_left_in_other_words() -> None:
    assert redactor("abc").clean('pw abc, "abc" abcdef xabc') == f'pw {MASK}, "{MASK}" abcdef xabc'


def test_nothing_is_touched_where_there_is_no_secret() -> None:
    assert Redactor().clean(SECRET) == SECRET
    assert redactor("").clean("text") == "text"


NO_STARS = st.characters(codec="utf-8", exclude_characters="*")


def test_one_of_very_many_secrets_is_found_and_a_new_one_too() -> None:
    """Thousands of accounts, one of which was renewed: what was known of all is not what is known now."""
    secrets = [f"{number:04}-canary" for number in range(2_000)] + ["short"]
    known = Redactor()
    known.watch(lambda: tuple(map(Masked, secrets)))
    assert known.clean("nothing here, 1999-ca") == "nothing here, 1999-ca"
    assert known.clean("a 1999-canary, a short one") == "a ***, a *** one"
    secrets[7] = "renewed-canary"
    assert known.clean("a renewed-canary, a 0007-canary") == "a ***, a 0007-canary"


@given(st.text(NO_STARS, min_size=8, max_size=60), st.text(NO_STARS, max_size=20), st.text(NO_STARS, max_size=20))
def test_no_secret_of_some_length_survives_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in redactor(secret).clean(before + secret + after)


def test_a_signature_is_taken_out_with_every_signer() -> None:
    assert Redactor().clean(f"SignedHeaders=host, Signature={'0a' * 32}'") == f"SignedHeaders=host, Signature={MASK}'"


def test_new_secrets_are_known_at_once() -> None:
    live = ["canary-one"]
    made = Redactor()
    made.watch(lambda: tuple(Masked(secret) for secret in live))
    assert made.clean("canary-two") == "canary-two"
    live.append("canary-two")
    assert made.clean("canary-one canary-two") == f"{MASK} {MASK}"


PROCESS_SCRIPT = """
import asyncio, logging, sys, threading, warnings
from batch.csms.auth import Masked
from batch.redaction.redactor import PROCESS_REDACTOR, guard_streams
PROCESS_REDACTOR.watch(lambda: (Masked("canary-secret"),))
guard_streams()
print("printed canary-secret")
warnings.warn("warned canary-secret")
logging.getLogger("aiohttp").error("logged canary-secret")
async def main():
    async def fails():
        raise RuntimeError("never retrieved canary-secret")
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    asyncio.get_running_loop().call_soon(lambda: 1 / len("canary-secret".strip("canary-secret")))
    await asyncio.sleep(0)
asyncio.run(main())
def thread():
    raise RuntimeError("in a thread canary-secret")
running = threading.Thread(target=thread)
running.start()
running.join()
class Unraisable:
    def __del__(self):
        raise RuntimeError("unraisable canary-secret")
Unraisable()
local = "canary-secret"
raise RuntimeError("uncaught canary-secret")
"""


def test_prints_warnings_logs_handlers_and_tracebacks_go_through_it() -> None:
    done = subprocess.run(
        [sys.executable, "-"], input=PROCESS_SCRIPT, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "canary" not in done.stdout + done.stderr
    assert done.stdout == f"printed {MASK}\n"
    for where in ("warned", "logged", "never retrieved", "in a thread", "unraisable", "uncaught"):
        assert f"{where} {MASK}" in done.stderr, done.stderr


def test_a_guarded_stream_is_still_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", None)
    guard_streams(redactor("canary-secret"))
    guarded: object = sys.stdout
    assert isinstance(guarded, RedactedStream)
    guard_streams(redactor("x"))
    assert sys.stdout is guarded, "not guarded twice"
    assert sys.stdout.write("canary-secret") == len("canary-secret")
    sys.stdout.writelines(["a", "b"])
    sys.stdout.flush()
    assert not sys.stdout.isatty()
    assert out.getvalue() == f"{MASK}ab"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_standard_stream_that_is_full_raises_only_for_one_who_asks_and_leads_nowhere_then() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 # a device
        stream = StandardStream(full, redactor("canary-secret"))
        with pytest.raises(OSError, match="No space"):
            print("canary-secret", file=stream.strict, flush=True)
        assert stream.write("x" * 100_000) == 100_000
        stream.flush()
        assert os.fstat(full.fileno()).st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116 # a device


def test_the_log_takes_known_fields_and_no_secret_in_any_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PROCESS_REDACTOR", redactor("canary-secret"))
    try:
        started = log.start_log(tmp_path, "info")
        try:
            _fail("canary-local")
        except ValueError as error:
            structlog.get_logger().error("run.defect", reason="canary-secret", token="canary-other", exc_info=error)
        structlog.get_logger().warning("row.fault", code="\x9b31m\u2028\u202e")
        started.close()
    finally:
        structlog.reset_defaults()
    text = (tmp_path / names.LOG).read_text(encoding="utf-8")
    line, hostile = map(json.loads, text.splitlines())
    assert hostile["code"] == "\x9b31m\u2028\u202e"
    assert "\x9b" not in text
    assert "canary" not in text
    assert (line["event"], line["reason"], line["dropped"]) == ("run.defect", MASK, ["token"])
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert "locals" not in line["exception"][0]["frames"][0]


def _fail(local: str) -> None:
    raise ValueError("canary-secret", len(local))


def test_every_field_that_is_logged_anywhere_is_a_known_one() -> None:
    unknown = []
    for path in sorted((ROOT / "batch").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_log(node.func.value):
                names = {keyword.arg for keyword in node.keywords} - log.FIELDS - {"exc_info"}
                unknown += [f"{path.name}:{node.lineno}: {name}" for name in names]
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno}: events are constants"
    assert unknown == []


def _is_log(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "_log"


def test_the_forms_of_a_secret_are_made_once_however_many_others_come() -> None:
    forms.forms_of.cache_clear()
    live = ["canary-one"]
    made = Redactor()
    made.watch(lambda: tuple(Masked(secret) for secret in live))
    for number in range(5):
        made.clean("text")
        live.append(f"another-{number}")
    made.clean("text")
    assert forms.forms_of.cache_info().misses == len(live)


def test_a_password_that_was_cut_off_in_the_middle_is_found() -> None:
    assert "Tr0ub" not in redactor("Tr0ub4dor&3xyz").clean('near: "password":"Tr0ub4dor&3...')
    assert "HPUAA" not in redactor("HPUAA1B2C3D4E5F6G7H8").clean("Get secretKey failed, ak:HPUAA1B2C3D4****")


def test_a_token_of_any_length_is_taken_out_whole() -> None:
    token = "MII" + "aB+/9=xQ" * 2_000
    assert redactor(token).clean(f"token {token}, {token}.") == f"token {MASK} {MASK}"
