"""Names and values from outside that are not UTF-8: they work, or a command says in one line what it cannot use."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from batch.sandbox.assembly import Sandbox
from tests.e2e.tool import PATIENCE_S, PYTHON, ROOT, environment, manifest_of, served
from tests.engine.rows import moves, small_service

ODD = b"m\xff\xe9"
"""Latin-1 at best; in UTF-8 it is nothing."""
LOCALES = {
    "a UTF-8 locale": {"LC_ALL": "C.UTF-8"},
    "the POSIX locale": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


class Place(NamedTuple):
    """A service and a folder whose name is odd."""

    folder: bytes
    to: str
    sandbox: Sandbox
    manifest: bytes


class Ended(NamedTuple):
    code: int
    out: bytes
    err: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("texts")
    odd = os.fsencode(folder) + b"/" + ODD
    os.mkdir(odd)  # noqa: PTH102 - bytes
    sandbox = small_service(secrets=4, projects=1)
    with served(sandbox, folder) as tool:
        yield Place(odd, tool.to(folder)[0], sandbox, manifest_of(moves(sandbox)))


def started(
    place: Place, locale: str, *arguments: str | bytes, more: Mapping[str, str | bytes] | None = None, cwd: bytes = b""
) -> Ended:
    """Whatever it is, it is said in lines of the tool's own, and no error of ours is behind it."""
    plain = environment(Path(os.fsdecode(place.folder)), place.sandbox.token, LOCALES[locale])
    given = {os.fsencode(name): os.fsencode(value) for name, value in (plain | dict(more or {})).items()}
    given[b"PYTHONPATH"] = os.fsencode(ROOT)
    done = subprocess.run(
        [*PYTHON, *arguments], cwd=cwd or ROOT, env=given, capture_output=True, timeout=PATIENCE_S, check=False
    )
    err = done.stderr.decode("ascii" if locale == "the POSIX locale" else "utf-8")
    assert all(line.startswith("csms-rekey: ") for line in err.splitlines()), err
    return Ended(done.returncode, done.stdout, err)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_run_works_with_odd_names_from_its_manifest_to_its_reports(place: Place, locale: str) -> None:
    home = place.folder + b"/" + locale[2:5].encode() + ODD
    os.mkdir(home)  # noqa: PTH102 - bytes
    Path(os.fsdecode(home + b"/" + ODD + b".csv")).write_bytes(place.manifest)
    more: dict[str, str | bytes] = {"HOME": home, "TMPDIR": home, "XDG_STATE_HOME": "", "USER": ODD, "LOGNAME": ODD}
    run_dir = b"run" + ODD
    first = started(
        place,
        locale,
        *("run", ODD + b".csv", b"--run-dir=" + run_dir, place.to, "--rate=unlimited"),
        *(b"--metrics-textfile=" + ODD + b".prom",),
        more=more,
        cwd=home,
    )
    assert first.code == 0, first.err
    summary = Path(os.fsdecode(home + b"/" + run_dir + b"/summary.json")).read_text(encoding="utf-8")
    assert r'"name":"m\\xff\\xe9.csv"' in summary.replace(": ", ":")
    ended = [started(place, locale, command, run_dir, "--json", cwd=home) for command in ("report", "status")]
    ended.append(started(place, locale, "check", ODD + b".csv", place.to, more=more, cwd=home))
    ended.append(started(place, locale, "resume", run_dir, more=more, cwd=home))
    assert [one.code for one in ended] == [0] * 4, ended


REFUSED: dict[str, tuple[str | bytes, ...]] = {
    "a manifest that is missing": ("run", ODD + b".csv"),
    "a run directory that is missing": ("status", ODD),
    "an endpoint": ("check", "x.csv", b"--endpoint=https://" + ODD),
    "a project": ("check", "x.csv", b"--project-id=" + ODD),
    "a region": ("check", "x.csv", "--endpoint=http://127.0.0.1:9", b"--region=" + ODD),
    "a pattern": ("check", "x.csv", b"--key-pattern=" + ODD),
    "a pattern of projects": ("check", "x.csv", b"--project-pattern=" + ODD),
    "a job file": ("check", "x.csv", b"--job=" + ODD + b".toml"),
    "a token file": ("run", "x.csv", b"--token-file=" + ODD),
    "a file of authorities": ("run", "x.csv", b"--ca-file=" + ODD),
    "a rate": ("run", "x.csv", b"--rate=" + ODD),
    "an option": ("run", "x.csv", b"--" + ODD),
    "a command": (ODD,),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_odd_value_that_cannot_be_used_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from batch.cli.app import main  # noqa: PLC0415 - as the process would have it

    monkeypatch.setenv("CSMS_REKEY_TOKEN", "t" * 40)
    assert main([os.fsdecode(argument) for argument in REFUSED[name]]) == 2
    out, err = capsys.readouterr()
    assert (out, "Traceback" in err) == ("", False)
    assert all(line.startswith("csms-rekey: ") for line in err.splitlines())


@pytest.mark.parametrize("variable", ["REGION", "KEY_PATTERN", "TOKEN", "ENDPOINT", "RATE", "MAX_FAILURES"])
def test_an_odd_variable_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    from batch.cli.app import main  # noqa: PLC0415 - as the process would have it

    manifest = tmp_path / "m.csv"
    manifest.write_text("secret_name,kms_key_id\n")
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "t" * 40)
    monkeypatch.setenv(f"CSMS_REKEY_{variable}", os.fsdecode(ODD))
    where = () if variable == "ENDPOINT" else ("--endpoint=http://127.0.0.1:9",)
    assert main(["run", str(manifest), f"--run-dir={tmp_path / 'run'}", *where]) == 2
    assert "Traceback" not in capsys.readouterr().err
