"""Keys, rights and projects that are not as a campaign needs them: one line says so, and nothing has changed."""

from pathlib import Path

import msgspec
import pytest

from batch.cli.app import main
from batch.sandbox.rights import parse_rights
from tests.e2e.tool import manifest_of, served
from tests.engine.machine import keys_of
from tests.engine.rows import moves, project_of, small_service

UNKNOWN, NOWHERE = "11111111-1111-1111-1111-111111111111", "1" * 32
LIST, GET, UPDATE, VERSIONS = (f"csms:secret:{one}" for one in ("list", "get", "update", "listVersion"))
DENIED = "CSMS.0302: Access to the resource is denied: "
Ended = tuple[int, str]
"""An exit code, and a part of one line."""

# What is wrong: the rights that are missing, what is given in place of what there is, and how each command ends.
CASES: dict[str, tuple[tuple[str, ...], dict[str, str], dict[str, Ended]]] = {
    "an unknown old key": (
        (),
        {"old": UNKNOWN},
        {
            "plan": (1, f"is on {UNKNOWN}, and none of them has this key: check its id"),
            "retire": (3, "Is its id right?"),
        },
    ),
    "an unknown new key": (
        (),
        {"new": UNKNOWN},
        {
            "plan": (1, f"{UNKNOWN}: cannot be used: "),
            "plan rows": (1, f"{UNKNOWN}: cannot be used: "),
            "verify": (1, "3 of 3 rows are not on their key."),
            "run": (1, f"CSMS.0401 key {UNKNOWN}: does not exist"),
        },
    ),
    "keys that can be none": (
        (),
        {"old": "x", "new": "x"},
        {
            "plan": (2, "--old-key: is 1 character long"),
            "plan rows": (1, "3 rows: cannot be used"),
            "verify": (1, "No row could be checked: 3 invalid."),
            "retire": (2, "--old-key: is 1 character long"),
            "run": (1, "3 invalid invalid.kms_key_id"),
        },
    ),
    "a project that the login does not have": (
        (),
        {"project": NOWHERE},
        {
            "plan": (3, f"trouble       project {NOWHERE}: {DENIED}"),
            "plan rows": (3, "3 rows: could not be read"),
            "verify": (3, f"project {NOWHERE}: {DENIED}"),
            "retire": (3, f"project {NOWHERE}: its list of secrets was not read to its end: {DENIED}"),
            "run": (1, f"3 rejected CSMS.0302; row 1 {{first}}: {DENIED.partition(': ')[2]}"),
        },
    ),
    "a project without secrets": (
        (),
        {"secrets": ""},
        {
            "plan": (0, "Nothing has to be changed."),
            "plan rows": (1, "3 rows: name a secret that does not exist"),
            "verify": (1, "3 of 3 rows are not on their key."),
            "retire": (0, "in the project looked at, with 0 secrets."),
            "run": (1, "3 rejected CSMS.0106"),
        },
    ),
    "no right to list and to read": (
        (LIST, GET),
        {},
        {
            "plan": (3, f"{DENIED}{LIST}"),
            "plan rows": (3, f"{DENIED}{LIST}"),
            "verify": (3, f"{DENIED}{LIST}"),
            "retire": (3, f"not read to its end: {DENIED}{LIST}"),
        },
    ),
    "no right to see versions": (
        (VERSIONS,),
        {},
        {"retire": (1, f"the versions of 3 secrets were not read: {DENIED}{VERSIONS}")},
    ),
    "no right to change": ((UPDATE,), {}, {"run": (1, f"grant it {UPDATE} in this project")}),
    "no right to see keys": (
        ("kms:cmk:get",),
        {},
        {"plan": (0, "not checked: KMS.0307"), "retire": (1, "not checked: KMS.0307")},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_command_says_what_is_wrong_in_one_line_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    denied, given, commands = CASES[name]
    sandbox = small_service(secrets=3, denied=parse_rights(denied))
    project, rows, manifest = project_of(sandbox), moves(sandbox), tmp_path / "m.csv"
    old, new = given.get("old", project.key_ids.old), given.get("new", project.key_ids.new)
    where = given.get("project", project.id)
    manifest.write_bytes(manifest_of([msgspec.structs.replace(one, kms_key_id=new, project_id=where) for one in rows]))
    for secret in project.names if "secrets" in given else ():
        project.secrets.pop(secret)
    project.names[:] = [one for one in project.names if one in project.secrets]
    before = keys_of(sandbox)
    monkeypatch.setenv("CSMS_REKEY_TOKEN", sandbox.token)
    monkeypatch.setenv("CSMS_REKEY_LOCK_DIR", str(tmp_path / "locks"))
    words = {
        "plan": ["plan", "--old-key", old, "--new-key", new, f"--project-id={where}"],
        "plan rows": ["plan", str(manifest)],
        "verify": ["verify", str(manifest)],
        "retire": ["retire", "--old-key", old, f"--project-id={where}"],
        "run": ["run", str(manifest), "--progress=off"],
    }
    with served(sandbox, tmp_path) as tool:
        for command, (code, said) in commands.items():
            out = f"--{'run-dir' if command == 'run' else 'out'}={tmp_path / command}"
            ended = main([*words[command], tool.to(tmp_path)[0], out, "--rate=unlimited"])
            shown = capsys.readouterr()
            lines = [
                line for line in (shown.out + shown.err).splitlines() if said.format(first=rows[0].secret_name) in line
            ]
            assert (ended, len(lines)) == (code, 1), (command, shown)
    assert keys_of(sandbox) == before
