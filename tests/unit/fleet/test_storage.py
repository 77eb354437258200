"""The folder that a fleet shares: what two machines may rely on, wherever it is."""

import os
import pickle
import uuid
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from batch.fleet.storage import Storage, StorageError
from jobs.spec import UsageError


class ObjectStore(MemoryFileSystem):  # type: ignore[misc]
    """As an object store: no folders, and a listing that may be kept."""

    protocol = "objects"
    store: dict[str, object] = {}  # noqa: RUF012 - as its parent has it
    pseudo_dirs = [""]  # noqa: RUF012 - the same


class CarelessStore(ObjectStore):
    """Takes no notice of the wish that there be no such file yet."""

    protocol = "careless"

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite") -> None:  # noqa: ARG002 - that is the fault
        super().pipe_file(path, value)


class LookingStore(ObjectStore):
    """Looks whether there is such a file, and then writes it."""

    protocol = "looking"
    pipe_file = fsspec.AbstractFileSystem.pipe_file


class BrokenStore(ObjectStore):
    protocol = "broken"

    def pipe_file(self, *_: object, **__: object) -> None:
        raise RuntimeError("bucket\nis away")

    cat_file = find = put_file = rm_file = open = pipe_file


for _one in (ObjectStore, CarelessStore, LookingStore, BrokenStore):
    fsspec.register_implementation(_one.protocol, _one, clobber=True)


@pytest.fixture(params=["folder", "file://", "memory://", "objects://"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A place that is new."""
    match request.param:
        case "folder":
            return Storage(str(tmp_path / "deep" / "fleet"))
        case "file://":
            return Storage(f"file://{tmp_path}/fleet")
        case protocol:
            return Storage(f"{protocol}{uuid.uuid4().hex}/fleet")


def test_a_file_is_read_back_under_its_name(storage: Storage) -> None:
    assert storage.get("lease/7/1") is None
    storage.put("lease/7/1", b"a")
    storage.put("lease/7/1", b"bc")
    assert storage.get("lease/7/1") == b"bc"


def test_of_two_who_create_the_same_file_the_second_is_refused_and_changes_nothing(storage: Storage) -> None:
    assert storage.create("lease/7/1", b"first")
    assert not storage.create("lease/7/1", b"second")
    assert storage.get("lease/7/1") == b"first"
    assert storage.create("lease/7/2", b"third")


def test_another_who_opens_the_same_place_sees_the_same_files(storage: Storage) -> None:
    other = Storage(storage.uri)
    assert other.names("lease") == ()
    assert storage.create("lease/7/1", b"first")
    assert not other.create("lease/7/1", b"second")
    assert other.names("lease") == ("7/1",)


def test_files_are_listed_below_a_folder_and_none_where_there_is_no_such_folder(storage: Storage) -> None:
    for name in ("lease/7/1", "lease/7/10", "lease/70/1", "leases/1", "stop"):
        storage.put(name, b"")
    assert storage.names("lease") == ("7/1", "7/10", "70/1")
    assert storage.names("lease/7") == ("1", "10")
    assert storage.names("lease/8") == ()
    assert storage.names() == ("lease/7/1", "lease/7/10", "lease/70/1", "leases/1", "stop")


def test_files_go_up_and_come_down_whole(storage: Storage, tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "here").write_bytes(data)
    storage.upload(tmp_path / "here", "snap/0/1-1.db")
    assert storage.download("snap/0/1-1.db", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == data
    assert not storage.download("snap/0/1-2.db", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_file_is_removed_once_or_twice_alike(storage: Storage) -> None:
    storage.put("stop", b"")
    storage.remove("stop")
    storage.remove("stop")
    assert storage.names() == ()


def test_a_store_that_creates_only_where_there_is_nothing_is_taken_and_left_as_it_was(storage: Storage) -> None:
    storage.require_exclusive()
    assert storage.names() == ()


@pytest.mark.parametrize("protocol", ["careless", "looking"])
def test_a_store_that_would_let_two_machines_have_one_lease_is_refused(protocol: str) -> None:
    storage = Storage(f"{protocol}://{uuid.uuid4().hex}")
    with pytest.raises(UsageError, match="two machines off one shard"):
        storage.require_exclusive()
    assert storage.names() == ()


def test_a_store_that_fails_is_named_with_its_reason_in_one_line(tmp_path: Path) -> None:
    storage = Storage("broken://bucket/fleet")
    (tmp_path / "file").write_bytes(b"")
    for fails in (
        lambda: storage.put("stop", b""),
        lambda: storage.create("stop", b""),
        lambda: storage.get("stop"),
        lambda: storage.names("stop"),
        lambda: storage.remove("stop"),
        lambda: storage.upload(tmp_path / "file", "stop"),
        lambda: storage.download("stop", tmp_path / "other"),
    ):
        with pytest.raises(StorageError) as caught:
            fails()
        assert caught.value.filename == "broken://bucket/fleet/stop"
        assert "\n" not in str(caught.value.strerror)


def test_a_local_folder_is_the_same_place_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Storage("fleet").uri == f"file://{tmp_path}/fleet"


def test_what_is_half_written_in_a_local_folder_is_no_file_yet(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    storage.put("end/1.json", b"")
    (tmp_path / "end" / ".part-2.json-x").write_bytes(b"")
    assert storage.names("end") == ("1.json",)


def test_local_files_are_for_their_owner_only(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "fleet"))
    storage.put("end/1.json", b"")
    assert storage.create("lease/1/1", b"")
    found = [path.stat().st_mode & 0o077 for path in (tmp_path / "fleet").rglob("*") if path.is_file()]
    assert found == [0, 0]


@pytest.mark.parametrize(
    "uri",
    ["nonsense://x", "memory://user:canary@host/x", "memory://canary@host/x", "memory://x?token=canary", "file://[x"],
)
def test_a_place_that_cannot_be_used_or_holds_a_credential_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(UsageError, match="--dir") as refused:
        Storage(uri)
    assert "canary" not in str(refused.value)


def test_one_store_behind_another_is_refused() -> None:
    with pytest.raises(UsageError, match="name the store itself"):
        Storage("simplecache::memory://x")


def test_an_error_of_the_store_crosses_to_another_process_as_it_is() -> None:
    """A task raises it, and the cluster carries it back."""
    with pytest.raises(StorageError) as caught:
        Storage("broken://bucket/fleet").put("stop", b"")
    error = caught.value
    other = pickle.loads(pickle.dumps(error))  # noqa: S301 - its own
    assert type(other) is StorageError
    assert (other.errno, other.strerror, other.filename) == (error.errno, error.strerror, error.filename)
