"""Room on the disk, and which filesystems a ledger is kept off."""

import resource
import signal
from pathlib import Path

import pytest

from jobs.run_dir import names
from jobs.run_dir.filesystem import network_filesystem, network_type
from jobs.run_dir.room import Reserve, require_room

MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:50 / /mnt/share rw - nfs4 host:/x rw
31 27 0:51 / /mnt/share/local rw - xfs /dev/vdb rw
32 27 0:52 / /mnt/with\\040space rw - cifs //host/x rw
33 27 0:53 / /home/me/sshfs rw - fuse.sshfs me@host: rw
34 27 0:54 / /over rw - ext4 /dev/vdc rw
35 27 0:55 / /over rw - 9p share rw
malformed line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/runs", None),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/runs/1", "nfs4"),
        ("/mnt/shared", None),
        ("/mnt/share/local/runs", None),
        ("/mnt/with space/runs", "cifs"),
        ("/home/me/sshfs/runs", "fuse.sshfs"),
        ("/over/runs", "9p"),
    ],
)
def test_the_innermost_mount_decides_and_the_last_of_equals(path: str, kind: str | None) -> None:
    assert network_type(MOUNTS, path) == kind


def test_this_machine_can_be_asked(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path) is None or isinstance(network_filesystem(tmp_path), str)


def test_a_run_that_may_not_fit_is_refused_with_both_figures(tmp_path: Path) -> None:
    require_room(tmp_path, rows=1, manifest_bytes=1)
    with pytest.raises(OSError, match=r"MiB free, a run of this size may need \d+ MiB"):
        require_room(tmp_path, rows=1 << 40, manifest_bytes=1)


def test_a_reserve_takes_room_and_gives_it_back_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path)
    assert (tmp_path / names.RESERVE).stat().st_size == 4 << 20
    assert reserve.release()
    assert not (tmp_path / names.RESERVE).exists()
    assert not reserve.release()


def test_a_reserve_without_room_names_its_file(tmp_path: Path) -> None:
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, allowed[1]))
    try:
        with pytest.raises(OSError, match="File too large") as refused:
            Reserve(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
        signal.signal(signal.SIGXFSZ, handler)
    assert refused.value.filename == str(tmp_path / names.RESERVE)


def test_a_reserve_left_by_a_killed_run_is_taken_over(tmp_path: Path) -> None:
    Reserve(tmp_path)
    assert Reserve(tmp_path).release()
