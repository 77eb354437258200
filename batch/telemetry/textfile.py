"""Keeps figures from replacing a file that holds something else: a manifest, say, whose name was given by mistake."""

from pathlib import Path

_PREFIX = b"csms_rekey_"
"""How the names of all figures begin."""
_LOOKED_AT = 4_096


def holds_other_things(path: Path) -> bool:
    """Whether there is a file that nobody wrote figures of a run to; one that cannot be read counts as none."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT)
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return False
    return bool(head.strip()) and _PREFIX not in head
