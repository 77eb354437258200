"""What others carry: the source archive is whole, installs by the README that is in it, and brings no copyleft."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
TESTED = (ROOT / "tests" / "requirements.lock").read_text(encoding="utf-8")
BUILD = "import sys; from pdm import backend; print(getattr(backend, sys.argv[1])(sys.argv[2]))"

LICENCES = {
    "aiohappyeyeballs": "PSF-2.0",
    "aiohttp": "Apache-2.0 AND MIT",
    "aiolimiter": "MIT",
    "aiosignal": "Apache 2.0",
    "attrs": "MIT",
    "backports-zstd": "PSF-2.0",
    "cyclopts": "Apache-2.0",
    "docstring-parser": "MIT",
    "frozenlist": "Apache-2.0",
    "idna": "BSD-3-Clause",
    "jinja2": "BSD License",
    "markdown-it-py": "MIT License",
    "markupsafe": "BSD-3-Clause",
    "mdurl": "MIT License",
    "msgspec": "BSD-3-Clause",
    "multidict": "Apache-2.0",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    "pandas": "BSD-3-Clause",
    "pdm-backend": "MIT",
    "prometheus-client": "Apache-2.0 AND BSD-2-Clause",
    "propcache": "Apache-2.0",
    "pyarrow": "Apache-2.0",
    "pygments": "BSD-2-Clause",
    "python-dateutil": "BSD-3-Clause",
    "rich": "MIT",
    "rich-rst": "MIT",
    "structlog": "MIT OR Apache-2.0",
    "typing-extensions": "PSF-2.0",
    "tzdata": "Apache-2.0",
    "uvloop": "MIT License",
    "yarl": "Apache-2.0",
}
"""Of every package in the lock, as its metadata has it."""

LICENCES_OF_EXTRAS = {
    "click": "BSD-3-Clause",
    "cloudpickle": "BSD-3-Clause",
    "dask": "BSD-3-Clause",
    "distributed": "BSD-3-Clause",
    "fsspec": "BSD-3-Clause",
    "importlib-metadata": "Apache-2.0",
    "lazy-importer": "Apache-2.0",
    "locket": "BSD-2-Clause",
    "msgpack": "Apache-2.0",
    "packaging": "Apache-2.0 OR BSD-2-Clause",
    "partd": "BSD",
    "psutil": "BSD-3-Clause",
    "pyyaml": "MIT",
    "sortedcontainers": "Apache 2.0",
    "tblib": "BSD-2-Clause",
    "toolz": "BSD-3-Clause",
    "tornado": "Apache-2.0",
    "zict": "BSD",
    "zipp": "MIT",
}
COPYLEFT = re.compile(r"GPL|MPL|EPL|EUPL|CDDL|OSL|SSPL|Mozilla|Eclipse|GNU|copyleft", re.IGNORECASE)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names_in(lock: str) -> set[str]:
    """Of every package there, also those that another Python or platform needs."""
    return {canonical(name) for name in re.findall(r"^([a-z][a-z0-9-]+)==", lock, re.MULTILINE)}


def locked() -> dict[str, Requirement]:
    """Those of the lock that belong to this Python and platform."""
    found = [Requirement(line) for line in re.findall(r"^([a-z][^\\\n]+)", LOCK, re.MULTILINE)]
    return {canonical(one.name): one for one in found if one.marker is None or one.marker.evaluate()}


def with_all_they_need(names: list[str]) -> set[str]:
    """The packages, and what they bring."""
    found, coming = set[str](), names
    while coming:
        name = coming.pop()
        if name not in found:
            found.add(name)
            needs = map(Requirement, metadata.requires(name) or [])
            wanted = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
            coming.extend(canonical(need.name) for need in wanted)
    return found


def licence(name: str) -> str:
    """An expression where there is one, else what people wrote before there were any."""
    of = metadata.metadata(name)
    for field in ("License-Expression", "License"):
        if field in of:
            return of[field]
    classes = [one.rpartition(" :: ")[2] for one in of.get_all("Classifier", []) if one.startswith("License ::")]
    return " AND ".join(classes)


def built(kind: str, source: Path, into: Path) -> Path:
    """What the build backend makes of a tree."""
    command = [sys.executable, "-c", BUILD, f"build_{kind}", str(into)]
    done = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    return into / done.stdout.splitlines()[-1]


def files_of(archive: Path) -> set[str]:
    """Without the folder that holds them."""
    with tarfile.open(archive) as tar:
        return {member.name.partition("/")[2] for member in tar.getmembers() if member.isfile()}


def own_files() -> list[str]:
    """Everything in the repository, also what is not committed yet."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that two tests at once do not meet in one folder."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")  # but the source archive itself, for example
    source = tmp_path_factory.mktemp("source")
    for name in own_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    (source / "runs").mkdir()
    (source / "runs" / "ledger.db").touch()
    (source / "secrets.csv").touch()
    return built("sdist", source, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    [top] = folder.iterdir()
    return top


def test_no_package_that_is_installed_has_a_copyleft_licence() -> None:
    """A new package, or a new licence, stands here before it ships."""
    assert {name: licence(name) for name in locked()} == {name: LICENCES[name] for name in locked()}
    assert set(LICENCES) == names_in(LOCK)
    extras = with_all_they_need(["distributed", "fsspec"]) - set(LICENCES)
    assert {name: licence(name) for name in extras} == {name: LICENCES_OF_EXTRAS[name] for name in extras}
    assert set(LICENCES_OF_EXTRAS) <= names_in(TESTED)
    assert not [text for text in {**LICENCES, **LICENCES_OF_EXTRAS}.values() if COPYLEFT.search(text)]


def test_the_tests_run_on_what_is_shipped() -> None:
    """Each version of the one lock is in the other."""
    versions, tested = (set(re.findall(r"^[a-z][a-z0-9-]+==\S+", lock, re.MULTILINE)) for lock in (LOCK, TESTED))
    assert versions <= tested


def test_an_index_shows_no_picture_or_link_that_leads_nowhere_there() -> None:
    assert not re.findall(r"\]\(|<img|src=", PROJECT["readme"]["text"])
    assert "urls" not in PROJECT


def test_the_source_archive_is_the_repository_and_nothing_else(archive: Path) -> None:
    """Neither a run nor a manifest that lies about; the archive of an unpacked archive would be the same."""
    assert files_of(archive) == {*own_files(), "PKG-INFO"}


def test_the_source_archive_makes_the_same_again(archive: Path, unpacked: Path, tmp_path: Path) -> None:
    assert files_of(built("sdist", unpacked, tmp_path)) == files_of(archive)


def test_the_wheel_has_every_file_of_the_three_packages_and_no_more(unpacked: Path, tmp_path: Path) -> None:
    wanted = {name for name in own_files() if name.partition("/")[0] in {"jobs", "batch", "reports"}}
    with zipfile.ZipFile(built("wheel", unpacked, tmp_path)) as wheel:
        names = set(wheel.namelist())
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert {name.rpartition("/")[2] for name in names - wanted} >= {"LICENSE", "METADATA", "entry_points.txt"}


def locked_install(page: str) -> list[list[str]]:
    """The commands of the README that install from the lock."""
    [block] = [text for text in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "--require-hashes" in text]
    return [shlex.split(line, comments=True) for line in block.splitlines() if shlex.split(line, comments=True)]


@pytest.mark.slow
def test_the_source_archive_installs_by_its_own_readme(unpacked: Path, tmp_path: Path) -> None:
    """But for the network: the locked packages are those of the tests, of the same versions."""
    commands = locked_install((unpacked / "README.md").read_text(encoding="utf-8"))
    home = next(word for word in commands[0] if word.startswith("/"))
    installed = tmp_path / "home" / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    environment = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "HOME": str(tmp_path)}
    environment |= {"CSMS_REKEY_LOCK_DIR": str(tmp_path)}
    done = None
    for words in commands:
        name, *rest = (word.replace(home, str(tmp_path / "home")) for word in words)
        if "--require-hashes" in rest:
            assert (unpacked / rest[-1]).read_text(encoding="utf-8") == LOCK
            (installed / "locked.pth").write_text(sysconfig.get_path("purelib"))
            continue
        program = sys.executable if name == "python3" else name
        command = [program, *rest]
        done = subprocess.run(command, cwd=unpacked, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done is not None
    assert done.stdout == f"{PROJECT['version']}\n"
    assert (installed / "reports" / "page" / "template" / "report.html").exists()
