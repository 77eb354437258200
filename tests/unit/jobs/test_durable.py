"""Files that exist whole or not at all, where a file system lacks something."""

import errno
import os
from pathlib import Path

import pytest

from jobs.run_dir.durable import new_file


def test_of_two_who_make_one_new_file_at_once_one_is_refused_also_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    rename, refused = Path.replace, []

    def other_comes_first(part: Path, final: Path) -> Path:
        monkeypatch.setattr(Path, "replace", rename)
        try:
            with new_file(final) as file:
                file.write(b"other")
        except FileExistsError as error:
            refused.append(error)
        return rename(part, final)

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, "replace", other_comes_first)
    with new_file(tmp_path / "lease") as file:
        file.write(b"own")
    assert len(refused) == 1
    assert (tmp_path / "lease").read_bytes() == b"own"
