"""Recognises filesystems across a network, which do not keep their promises about locks and durability."""

import os
from pathlib import Path

_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_MOUNTS = Path("/proc/self/mountinfo")


def network_filesystem(folder: Path) -> str | None:
    """The type of the filesystem a folder is on, if that is a network or FUSE one; None too where that is not known."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return network_type(mounts, os.path.realpath(folder))


def network_type(mountinfo: str, path: str) -> str | None:
    """The same from the text of `mountinfo` (proc(5)); the longest mount point above the path decides, the last of
    equals.
    """
    best, kind = "", ""
    for line in mountinfo.splitlines():
        head, separator, tail = line.partition(" - ")
        fields = head.split(" ")
        if not separator or len(fields) < 5:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = _unescaped(fields[4])
        if len(point) >= len(best) and (path == point or path.startswith(point.rstrip("/") + "/")):
            best, kind = point, tail.split(" ")[0]
    return kind if kind in _NETWORK or kind == "fuse" or kind.startswith("fuse.") else None


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
