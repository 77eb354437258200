"""The image: its steps are replayed, and what they install runs as any user, whatever is read-only."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from batch.sandbox.assembly import sandbox_of
from batch.sandbox.manifest import manifest_csv
from batch.sandbox.options import SandboxOptions
from tests.e2e.tool import served

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docs" / "examples" / "docker" / "Dockerfile").read_text(encoding="utf-8")
STEPS = [
    line.split(maxsplit=1) for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")
]
HOME = "/opt/csms-rekey"
# What the image's pip would do but for the network: locked packages are those of the tests, and those stay.
PIP = """#!/bin/sh
case "$*" in
    *" --requirement "*) echo '{tests}' > '{installed}/locked.pth' ;;
    *" uninstall "*) ;;
    *) exec '{python}' -m pip --disable-pip-version-check --quiet "$@" ;;
esac
"""
# A user without a name, a system that is read-only but for what follows: the data, and a temporary folder.
CONFINED = (
    "unshare --user --map-root-user --mount sh -c 'for each in data tmp; do mount --bind $each $each || exit 99; done;"
    " mount -o remount,bind,ro / || exit 99; cd data || exit 99;"
    ' exec unshare --user --map-user=4242 --map-group=4242 "$@"\' sh'
)


def confinable(folder: Path) -> bool:
    """Whether this kernel lets a user make namespaces."""
    for name in ("data", "tmp"):
        (folder / name).mkdir()
    done = subprocess.run([*shlex.split(CONFINED), "true"], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path from the build; only the forms that are in it are understood."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    first, *rules = [line for line in lines if line and not line.startswith("#")]
    assert first == "*"
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    [below] = [rule.removeprefix("**/") for rule in rules if not rule.startswith("!")]
    top, *_ = parts = path.split("/")
    return top not in kept or below in parts


def copied() -> list[str]:
    """What the image is built from."""
    values = [value for key, value in STEPS if key == "COPY" and not value.startswith("--from")]
    return [source for value in values for source in shlex.split(value)[:-1]]


def documented() -> list[str]:
    """The words of the documented `docker run`."""
    comment = "\n".join(line.removeprefix("#").strip() for line in DOCKERFILE.splitlines() if line.startswith("#"))
    found = re.search(r"^docker run (?:.*\\\n)*.*", comment, re.MULTILINE)
    assert found
    return shlex.split(found[0].replace("\\\n", " "))


def test_the_image_runs_as_nobody_and_gets_signals() -> None:
    """The entry point is no shell; the last stage has no pip."""
    last = {key: value for key, value in STEPS}  # noqa: C416 - later ones count
    assert last["USER"] == "10001:10001"
    assert ast.literal_eval(last["ENTRYPOINT"]) == ["csms-rekey"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert last["RUN"].startswith("pip uninstall ")


def test_the_build_gets_what_it_copies_and_nothing_else() -> None:
    for source in copied():
        assert (ROOT / source).exists(), source
        assert not ignored(source), source
    private = (".git/config", ".venv/bin/python", "runs/1/ledger.db", "tests/docs", "login.env", "secrets.csv")
    assert all(map(ignored, (*private, "jobs/__pycache__/spec.pyc")))


def test_the_documented_command_gives_the_caller_what_is_written() -> None:
    """And takes away what a run does not need."""
    words = documented()
    assert words[words.index("--user") + 1] == "$(id -u):$(id -g)"
    assert {"--read-only", "--init=false", "--cap-drop", "--rm"} <= set(words)
    assert words[words.index("--tmpfs") + 1] == "/tmp"  # noqa: S108 - the container's own
    assert words[words.index("-v") + 1] == "$PWD:/data"
    assert words[words.index("csms-rekey") + 1 :][0] == "go"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The steps of the build, done here: the folder that ends up in the image."""
    folder = tmp_path_factory.mktemp("image")
    installed = folder / "opt" / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    shims = {
        "pip": PIP.format(tests=sysconfig.get_path("purelib"), installed=installed, python=sys.executable),
        "python": f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n",
    }
    (folder / "bin").mkdir()
    for name, script in shims.items():
        (folder / "bin" / name).write_text(script)
        (folder / "bin" / name).chmod(0o755)
    source = folder / "src"
    for name in copied():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        source.mkdir(exist_ok=True)
        copy(ROOT / name, source / name)
    [build, _] = [value for key, value in STEPS if key == "RUN"]
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    command = ["/bin/sh", "-c", build.replace(HOME, str(folder / "opt"))]
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)
    return folder / "opt"


@pytest.mark.parametrize("home", ["/", None])
def test_the_documented_command_works_for_a_user_without_a_name_on_a_read_only_system(
    image: Path, tmp_path: Path, home: str | None
) -> None:
    """Docker gives such a user / as home; others give none."""
    if not confinable(tmp_path):
        pytest.skip("this kernel lets no user make namespaces")  # nothing else here can play the container
    assert not (image / "bin" / "pip").exists()
    data = tmp_path / "data"
    sandbox = sandbox_of(SandboxOptions(secrets=10, projects=2, seed=5), epoch_s=0.0)
    (data / "secrets.csv").write_text(manifest_csv(sandbox.world))
    words = documented()
    arguments = [word.replace("/data", str(data)) for word in words[words.index("csms-rekey") + 1 :]]
    environment = {"PATH": f"{image / 'bin'}:/usr/bin:/bin", "TMPDIR": str(tmp_path / "tmp"), "LANG": "C.UTF-8"}
    environment |= {"HOME": home} if home else {}
    with served(sandbox, tmp_path) as tool:
        environment |= {"CSMS_REKEY_TOKEN": sandbox.token}
        command = [*shlex.split(CONFINED), "csms-rekey", *arguments, tool.to(data)[0]]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "updated: 10" in done.stdout) == (0, True), done.stdout + done.stderr
    assert (data / "run" / "summary.json").exists()
    assert sorted(path.name for path in data.iterdir()) == ["run", "secrets.csv"]
