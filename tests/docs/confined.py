"""Runs a command under what a systemd unit allows: its system calls, its address families, and its memory.

`python confined.py UNIT COMMAND...` reads the unit, has the kernel hold this process to it, and becomes the command.
systemd does the same with the same settings, so a command that ends well here ends well there.
"""

import ctypes
import errno
import json
import os
import platform
import socket
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

TABLE = json.loads((Path(__file__).parent / "system_calls.json").read_text(encoding="utf-8"))
"""The groups of one release of systemd, and the numbers of their calls on one machine."""

_ARCHITECTURE = 0xC000003E  # AUDIT_ARCH_X86_64
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16  # in struct seccomp_data
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_SOCKET = 41
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE = 22, 38, 65
_MODE_FILTER = 2

Instruction = tuple[int, int, int, int]


def unusable() -> str | None:
    """Why no command can be held to a unit here; None where one can."""
    if sys.platform != "linux" or platform.machine() != TABLE["machine"]:
        return f"the table of system calls is for Linux on {TABLE['machine']}"
    if not Path("/proc/sys/kernel/seccomp/actions_avail").exists():
        return "this kernel filters no system calls"
    return None


def settings(unit: str, name: str) -> list[str]:
    """Every value that a unit gives to a setting, in order."""
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{name}=")]


def allowed_calls(unit: str) -> set[str]:
    """The calls that a unit's filter lets pass. Its first line says which are allowed, later ones add or remove."""
    allowed = set(TABLE["groups"]["@default"])
    for number, line in enumerate(settings(unit, "SystemCallFilter")):
        assert number or not line.startswith("~"), "a filter that begins with what is forbidden allows all else"
        calls = {call for word in line.removeprefix("~").split() for call in TABLE["groups"].get(word, (word,))}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


def program(unit: str) -> list[Instruction]:
    """The unit's filter as the kernel takes it."""
    number = "".join(settings(unit, "SystemCallErrorNumber"))
    refused = _ERROR | getattr(errno, number) if number else _KILL
    [families] = settings(unit, "RestrictAddressFamilies")
    return [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_IF_EQUAL, 1, 0, _ARCHITECTURE),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        *_sockets([getattr(socket, family) for family in families.split()]),
        *_each(sorted(TABLE["numbers"][call] for call in allowed_calls(unit))),
        (_RETURN, 0, 0, refused),
    ]


def _sockets(families: list[int]) -> list[Instruction]:
    chosen = [
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        *_each(families),
        (_RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT),
    ]
    return [(_JUMP_IF_EQUAL, 0, len(chosen), _SOCKET), *chosen]


def _each(values: Iterable[int]) -> list[Instruction]:
    """Allows what was loaded if it is one of these."""
    return [step for value in values for step in ((_JUMP_IF_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW))]


def confine(unit: str) -> None:
    """Holds this process, and what it becomes, to the unit."""
    steps = program(unit)
    packed = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    filtered = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(packed)))
    if settings(unit, "MemoryDenyWriteExecute") == ["yes"]:
        # An older kernel does not know it; there systemd forbids the same by a filter.
        _process(_PR_SET_MDWE, 1, needed=False)
    _process(_PR_SET_NO_NEW_PRIVS, 1)
    _process(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(filtered))


def _process(option: int, *values: int, needed: bool = True) -> None:
    arguments = [ctypes.c_ulong(value) for value in (*values, *(0,) * (4 - len(values)))]
    if ctypes.CDLL(None, use_errno=True).prctl(option, *arguments) != 0 and needed:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command is the test's own
