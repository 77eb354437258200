"""Options from variables that other tools have for them: they count less than anything that this program is given."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cyclopts import Token

from batch.cli.environment import SOURCE
from batch.csms.auth.clouds import REGION_PREFIX, endpoint_named
from jobs.spec import UsageError

NAMES: dict[str, tuple[str, ...]] = {
    "region": ("HW_REGION_NAME", "OS_REGION_NAME"),
    "ca-file": ("OS_CACERT",),
    "profile": ("HW_PROFILE",),
}
"""Terraform's and OpenStack's names of our options."""


def from_other_tools(_app: object, _commands: tuple[str, ...], arguments: Any) -> None:
    """Gives a command options that nothing else gives, once all other places have been read.

    Raises:
        UsageError: two variables differ, or a file names hosts that is not read.
    """
    options = {argument.name.removeprefix("--"): argument for argument in arguments}
    for option, names in NAMES.items():
        if option in options and not options[option].tokens:
            _give(options[option], _agreed(names, os.environ))
    if "endpoint" in options and not options["endpoint"].tokens and "region" in options and options["region"].tokens:
        _refuse_regions_file(Path(os.environ.get("HOME") or "/"))
        _give(options["endpoint"], endpoint_named(options["region"].tokens[0].value, os.environ))


def variable_for(option: str, environment: Mapping[str, str]) -> str:
    """The variable of another tool that gives an option; nothing where there is none."""
    return next((name for name in NAMES.get(option, ()) if environment.get(name)), "")


def _refuse_regions_file(home: Path) -> None:
    """The file is YAML, which is not read here; one that says nothing of CSMS does not matter."""
    path = home / ".huaweicloud" / "regions.yaml"
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if re.search(r"^[\"']?csms[\"']?\s*:", text, re.IGNORECASE | re.MULTILINE):
        raise UsageError(f"{path} names hosts of CSMS, and is not read: set {REGION_PREFIX}<REGION>, or say --endpoint")


def _agreed(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str] | None:
    given = [(name, value) for name in names if (value := environment.get(name, "").strip())]
    for name, value in given[1:]:
        if value != given[0][1]:
            raise UsageError(f"{given[0][0]} and {name} are set to different values: unset one of them")
    return given[0] if given else None


def _give(argument: Any, found: tuple[str, str] | None) -> None:
    if found is not None:
        variable, value = found
        argument.append(Token(keyword=variable, value=value, source=SOURCE))
