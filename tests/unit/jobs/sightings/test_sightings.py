"""What was seen is kept at once, and what is left to ask follows from it."""

import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from jobs.ledger import LedgerError
from jobs.model import Scope
from jobs.run_dir import names
from jobs.sightings import ListedSoFar, SeenBy, SeenKey, SeenSecret, SeenVersion, Sightings, Wanted

HERE, THERE = (Scope(endpoint="https://a", project_id=one, region="r") for one in "pq")


def secret(name: str, key: str = "K1", **fields: object) -> SeenSecret:
    return SeenSecret(**{"project": HERE, "name": name, "kms_key_id": key, **fields})  # type: ignore[arg-type]


def test_a_list_goes_on_from_its_last_page_after_the_file_was_closed(tmp_path: Path) -> None:
    with Sightings(tmp_path) as sightings:
        assert sightings.so_far(HERE) == ListedSoFar()
        sightings.see_page(HERE, [secret("a"), secret("b")], ListedSoFar(marker="b", pages=1))
    with Sightings(tmp_path) as sightings:
        assert sightings.so_far(HERE) == ListedSoFar(marker="b", pages=1)
        sightings.see_page(HERE, [secret("c")], ListedSoFar(pages=1, over=True))
        assert sightings.so_far(HERE).over
        (project,) = sightings.projects()
        assert (project.scope, project.listed, project.pages) == (HERE, True, 2)
        assert [one.name for one in sightings.shown.secrets()] == ["a", "b", "c"]


def test_all_that_is_shown_of_a_secret_is_kept(tmp_path: Path) -> None:
    shown = secret(
        "a",
        state="FROZEN",
        frozen=True,
        pending_deletion=True,
        description="d",
        enterprise_project_id="e",
        auto_rotation=False,
        created_s=1,
        updated_s=2,
        how=SeenBy.READ,
    )
    with Sightings(tmp_path) as sightings:
        sightings.see_secret(shown)
        assert list(sightings.shown.secrets()) == [shown]


def test_wanted_names_that_nothing_has_shown_are_left_to_read(tmp_path: Path) -> None:
    wanted = [
        Wanted(row=row, project=place, name=name)
        for row, (place, name) in enumerate(((HERE, "b"), (HERE, "a"), (HERE, "b"), (THERE, "c"), (None, "d")), 1)
    ]
    with Sightings(tmp_path) as sightings:
        sightings.want(wanted)
        assert sightings.unread(HERE, "", 10) == ["a", "b"]
        assert sightings.unread(HERE, "", 1) == ["a"]
        assert sightings.unread(HERE, "a", 10) == ["b"]
        sightings.see_page(HERE, [secret("a"), secret("z")], ListedSoFar(over=True))
        sightings.see_secret(secret("b", "", missing=True))
        assert sightings.unread(HERE, "", 10) == []
        assert sightings.unread(THERE, "", 10) == ["c"]
        assert [(one.wanted, None if one.secret is None else one.secret.seen) for one in sightings.shown.matched()] == [
            (wanted[0], False),
            (wanted[1], True),
            (wanted[2], False),
            (wanted[3], None),
            (wanted[4], None),
        ]
        assert [one.name for one in sightings.shown.unwanted()] == ["z"]


def test_a_pointer_that_has_moved_has_to_show_its_versions_again(tmp_path: Path) -> None:
    with Sightings(tmp_path) as sightings:
        sightings.see_page(HERE, [secret("a"), secret("b"), secret("c", missing=True)], ListedSoFar(over=True))
        for name in ("a", "b"):
            version = SeenVersion(project=HERE, secret_name=name, version_id="v1", kms_key_id="K", stages=("S", "T"))
            sightings.see_versions(HERE, name, [version])
        assert sightings.unversioned(HERE, "", 10) == []
        sightings.see_page(HERE, [secret("a", "K2"), secret("b"), secret("d")], ListedSoFar(over=True), number=2)
        assert sightings.unversioned(HERE, "", 10) == ["a", "d"]
        assert [(one.secret_name, one.stages) for one in sightings.shown.versions()] == [
            ("a", ("S", "T")),
            ("b", ("S", "T")),
        ]


def test_another_session_asks_again_for_what_met_trouble_and_for_nothing_else(tmp_path: Path) -> None:
    with Sightings(tmp_path) as sightings:
        sightings.want([Wanted(row=1, project=HERE, name="a"), Wanted(row=2, project=HERE, name="b")])
        sightings.see_page(HERE, [secret("x"), secret("y")], ListedSoFar(marker="y", pages=1))
        sightings.fail_list(HERE, "it lies")
        sightings.see_secret(secret("a", "", trouble="503", kind="unavailable"))
        sightings.see_secret(secret("b", "", missing=True))
        sightings.fail_versions(HERE, "x", "403")
        sightings.see_versions(HERE, "y", [])
        sightings.give_up_versions(HERE, "403")
        sightings.stop_project(HERE, "401")
        sightings.see_key(SeenKey(project=HERE, kms_key_id="K1", state="enabled"))
        sightings.see_key(SeenKey(project=HERE, kms_key_id="K2", trouble="403"))
        (project,) = sightings.projects()
        assert (project.trouble, project.versions_trouble, project.stopped) == ("it lies", "403", "401")
        assert sightings.unread(HERE, "", 9) == []
        assert sightings.so_far(HERE).over
        sightings.begin()
        (project,) = sightings.projects()
        assert (project.trouble, project.versions_trouble, project.stopped, project.listed) == (None, None, None, False)
        assert sightings.so_far(HERE) == ListedSoFar()
        assert sightings.unread(HERE, "", 9) == ["a"]
        assert sightings.unversioned(HERE, "", 9) == ["x"]
        assert sightings.undescribed(HERE, ["K1", "K2", "K3", "K2"]) == ["K2", "K3"]


def test_what_is_shown_of_single_secrets_is_durable_as_a_group(tmp_path: Path) -> None:
    """At the next flush, page or end; a question here is answered at once."""

    def on_disk() -> list[str]:
        shutil.copytree(tmp_path / "live", tmp_path / "copy", dirs_exist_ok=True)
        with Sightings(tmp_path / "copy") as found:
            return [one.name for one in found.shown.secrets()]

    (tmp_path / "live").mkdir()
    sightings = Sightings(tmp_path / "live")
    sightings.see_page(HERE, [secret("a")], ListedSoFar(marker="a", pages=1))
    sightings.see_secret(secret("b"))
    sightings.see_versions(HERE, "a", [])
    assert on_disk() == ["a"]
    assert sightings.unversioned(HERE, "", 9) == ["b"]
    sightings.flush()
    assert on_disk() == ["a", "b"]
    sightings.see_secret(secret("c"))
    sightings.see_page(HERE, [secret("d")], ListedSoFar(pages=2, over=True))
    assert on_disk() == ["a", "b", "c", "d"]
    sightings.see_secret(secret("e"))
    sightings.close()
    assert on_disk() == ["a", "b", "c", "d", "e"]


def test_a_sighting_that_cannot_be_written_leaves_no_half_of_it(tmp_path: Path) -> None:
    """Its group goes with it, and what comes after is written."""
    version = SeenVersion(project=HERE, secret_name="a", version_id="v", kms_key_id="K", stages=())
    with Sightings(tmp_path) as sightings:
        sightings.see_page(HERE, [secret("a")], ListedSoFar(over=True))
        sightings.see_secret(secret("lost"))
        with pytest.raises(LedgerError):
            sightings.see_versions(HERE, "a", [version, msgspec.structs.replace(version, kms_key_id=None)])
        sightings.see_secret(secret("b"))
    with Sightings(tmp_path) as sightings:
        assert [one.name for one in sightings.shown.secrets()] == ["a", "b"]
        assert list(sightings.shown.versions()) == []


def test_only_its_owner_can_read_the_file_and_only_one_process_can_use_it(tmp_path: Path) -> None:
    with Sightings(tmp_path) as sightings:
        assert sightings.path.stat().st_mode & 0o777 == 0o600
        sightings.keep("job", "mine")
        with pytest.raises(LedgerError, match="locked"):
            Sightings(tmp_path)
    with Sightings(tmp_path) as sightings:
        assert (sightings.kept("job"), sightings.kept("other")) == ("mine", None)


@pytest.mark.parametrize(
    ("damage", "said"),
    [(lambda path: path.write_bytes(b"no database" * 100), "damaged"), (lambda path: _format(path, 9), "format 9")],
)
def test_a_file_that_cannot_be_used_says_what_to_do(tmp_path: Path, damage: object, said: str) -> None:
    Sightings(tmp_path).close()
    damage(tmp_path / names.SIGHTINGS)  # type: ignore[operator]
    with pytest.raises(LedgerError, match=f"{said}.*remove it, and look again"):
        Sightings(tmp_path)


def _format(path: Path, number: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={number}")
    connection.close()
