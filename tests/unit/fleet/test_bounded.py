"""A store that hangs, for a command that must not."""

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from batch.fleet.bounded import BoundedStorage
from batch.fleet.storage import StorageError


class HangingStore(MemoryFileSystem):  # type: ignore[misc]
    protocol = "hanging"
    store: dict[str, object] = {}  # noqa: RUF012 - as its parent has it
    pseudo_dirs = [""]  # noqa: RUF012 - the same
    answers = threading.Event()

    def pipe_file(self, *_: object, **__: object) -> None:
        self.answers.wait()

    cat_file = find = put_file = rm_file = size = pipe_file


fsspec.register_implementation(HangingStore.protocol, HangingStore, clobber=True)


@pytest.fixture
def hanging() -> Iterator[BoundedStorage]:
    HangingStore.answers.clear()
    yield BoundedStorage("hanging://bucket/fleet", limit_s=0.01)
    HangingStore.answers.set()


@pytest.mark.parametrize("call", ["put", "create", "get", "names", "remove", "upload", "download"])
def test_a_call_that_hangs_fails_in_time_and_says_so(hanging: BoundedStorage, tmp_path: Path, call: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: hanging.put("stop", b""),
        "create": lambda: hanging.create("stop", b""),
        "get": lambda: hanging.get("stop"),
        "names": lambda: hanging.names("stop"),
        "remove": lambda: hanging.remove("stop"),
        "upload": lambda: hanging.upload(tmp_path / "file", "stop"),
        "download": lambda: hanging.download("stop", tmp_path / "copy"),
    }
    with pytest.raises(StorageError) as caught:
        calls[call]()
    assert (caught.value.strerror, caught.value.filename) == ("no answer for 0.01 s", "hanging://bucket/fleet/stop")


def test_a_large_download_has_more_time_and_a_bound_too(
    hanging: BoundedStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HangingStore, "size", lambda *_: 4_000)
    monkeypatch.setattr(HangingStore, "_open", HangingStore.pipe_file)
    with pytest.raises(StorageError) as caught:
        hanging.download("snap/7/1-1.db", tmp_path / "copy")
    assert caught.value.strerror == "no answer for 0.05 s"


def test_a_store_that_answers_is_as_any_other(tmp_path: Path) -> None:
    storage = BoundedStorage(f"memory://{uuid.uuid4().hex}")
    assert storage.create("lease/7/1", b"first")
    assert not storage.create("lease/7/1", b"second")
    storage.put("lease/7/1", b"third")
    assert storage.get("lease/7/1") == b"third"
    assert storage.names() == ("lease/7/1",)
    assert (storage.size_bytes("lease/7/1"), storage.size_bytes("lease/7/2")) == (5, 0)
    assert storage.download("lease/7/1", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"third"
    assert not storage.download("lease/7/2", tmp_path / "none")
    storage.remove("lease/7/1")
    assert storage.names() == ()
