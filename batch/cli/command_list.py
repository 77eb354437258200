"""Every command, in the order of use: what it is for, its exit codes, and where it is implemented."""

from typing import NamedTuple

from cyclopts import Group

_CODES = (
    "Exit codes: 0 every row done; 1 some rows not done; 2 usage, nothing sent; 3 stopped early, resumable; 4 locked by"
    " another run; 70 internal error; 74 cannot write to disk; 130, 143, 129 interrupted, resumable."
)
_ELSEWHERE = "Every option is also a variable CSMS_REKEY_<OPTION> and a key of a --job file."
_SEALED = "This command ignores CSMS_REKEY_... variables."

_BEFORE, _RUN, _AFTER, FLEET, _TRY, OTHER = (
    Group(name, sort_key=at)
    for at, name in enumerate(("Prepare", "Run", "Afterwards", "Many machines", "Try it out", "Other"), start=1)
)


class Command(NamedTuple):
    """One command: its module is imported only when it is called, or when its own help is shown. `epilogue` lists its
    exit codes. A `sealed` command takes no option from the environment, whose variables are meant for runs; one with
    `origins` receives where each option came from.
    """

    group: Group
    path: str
    help: str
    epilogue: str
    sealed: bool = False
    origins: bool = False
    name: str | None = None
    usage: str | None = None
    of_fleet: bool = False


# In the order of use.
COMMANDS = (
    Command(
        _BEFORE,
        "auth:auth",
        "Show the login, and test it with one read-only call per project.",
        "Exit codes: 0 the login works; 1 a read failed; 2 usage, no login or no project; 3 the login was refused, or a"
        f" project belongs to another account.\n\n{_ELSEWHERE}",
        usage="csms-rekey auth [OPTIONS] [MANIFEST]",
    ),
    Command(
        _BEFORE,
        "config:config",
        "Print every option, its value, and where the value comes from.",
        f"Exit codes: 0 printed; 2 an option cannot be used.\n\n{_ELSEWHERE}",
        origins=True,
    ),
    Command(
        _BEFORE,
        "check:check",
        "Print every problem of a manifest, and what a run would do.",
        "Exit codes: 0 every row can be sent; 1 some rows are invalid; 2 usage or unusable manifest; 3 the login was"
        " refused when the project was looked up; 74 a file cannot be written. It also accepts the other limits of run,"
        f" and ignores them.\n\n{_ELSEWHERE}",
    ),
    Command(
        _BEFORE,
        "plan:plan",
        "Read what the service has, and write a plan for run to apply.",
        "Exit codes: 0 everything can be done; 1 some rows cannot; 2 usage, or unusable manifest or key map; 3 some"
        " could not be read, resume continues; 4 a run is using it; 74 cannot be written;"
        f" 130, 143, 129 interrupted.\n\n{_ELSEWHERE}",
        usage="csms-rekey plan [OPTIONS] [MANIFEST]",
    ),
    Command(
        _RUN,
        "run:run",
        "Apply a manifest or a plan.",
        f"{_CODES}\n\n{_ELSEWHERE}",
        origins=True,
    ),
    Command(
        _RUN,
        "resume:resume",
        "Continue a run, plan, verify or retire that did not finish.",
        f"{_CODES}\n\n{_ELSEWHERE}",
        origins=True,
    ),
    Command(
        _RUN,
        "go:go",
        "Run or resume, as needed: one command for schedulers.",
        f"A run that is continued keeps its own limits and login unless they are given here. {_CODES}\n\n{_ELSEWHERE}",
        origins=True,
    ),
    Command(
        _RUN,
        "look:status",
        "Show the progress of a run, even while it is running.",
        "Exit codes: 0 shown, whatever the state of the run; 2 not a run directory; 74 its ledger cannot be read.",
    ),
    Command(
        _RUN,
        "set:change",
        "Change the rate of a live run, or pause it.",
        f"Exit codes: 0 the run has applied the change; 2 no run is active, or the change is not allowed. {_SEALED}",
        sealed=True,
        name="set",
    ),
    Command(
        _AFTER,
        "look:report",
        "Write the reports of a run again.",
        "Exit codes: that of the run; 2 not a run directory; 4 a run is using it; 74 a report cannot be written.",
    ),
    Command(
        _AFTER,
        "verify:verify",
        "Check that every secret now shows the key of its row.",
        "Exit codes: 0 every row holds; 1 some do not; 2 usage or unusable manifest; 3 some could not be read, resume"
        f" continues; 4 a run is using it; 74 cannot be written; 130, 143, 129 interrupted.\n\n{_ELSEWHERE}",
        origins=True,
    ),
    Command(
        _AFTER,
        "rollback:rollback",
        "Write a manifest that moves secrets back to their previous keys.",
        "Exit codes: 0 written; 1 written, but some changed rows cannot go back; 2 usage, nothing written; 4 a run is"
        f" using it; 74 cannot be read or written. {_SEALED}",
        sealed=True,
    ),
    Command(
        _AFTER,
        "retire:retire",
        "Find out whether any secret still needs an old key.",
        "Exit codes: 0 free; 1 still needed; 2 usage; 3 something could not be read, resume continues; 4 a run is using"
        f" it; 74 cannot be written; 130, 143, 129 interrupted.\n\n{_ELSEWHERE}",
        origins=True,
        usage="csms-rekey retire [OPTIONS] [RUN_DIR]",
    ),
    Command(
        _AFTER,
        "merge:merge",
        "Combine the shards of a run, plan, verify or retire.",
        f"{_CODES} {_SEALED}",
        sealed=True,
        usage="csms-rekey merge --into PATH [OPTIONS] SHARDS...",
    ),
    Command(
        FLEET,
        "fleet:run",
        "Run a manifest or a plan on a Dask cluster, or continue it.",
        f"{_CODES}\n\n{_ELSEWHERE}",
        origins=True,
        of_fleet=True,
        usage="csms-rekey fleet run --dir DIR [OPTIONS] MANIFEST",
    ),
    Command(
        FLEET,
        "fleet_look:status",
        "Show how each shard of a campaign stands.",
        f"Exit codes: 0 shown; 2 not a campaign folder; 74 it cannot be read. {_SEALED}",
        sealed=True,
        of_fleet=True,
    ),
    Command(
        FLEET,
        "fleet_look:stop",
        "Stop every process that works on a campaign.",
        f"Exit codes: 0 the stop is on record; 2 not a campaign folder; 74 it cannot be written. {_SEALED}",
        sealed=True,
        of_fleet=True,
    ),
    Command(
        FLEET,
        "fleet_shard:shard",
        "Work on one shard of a campaign folder, or continue it.",
        f"{_CODES} 4 is also for a lease that another process holds, or that was lost.\n\n{_ELSEWHERE}",
        of_fleet=True,
        usage="csms-rekey fleet shard --dir DIR [OPTIONS] INDEX",
    ),
    Command(
        _TRY,
        "demo:demo",
        "Rehearse a whole run on this machine, with faults.",
        f"Exit codes: that of its run. {_SEALED}",
        sealed=True,
    ),
    Command(
        _TRY,
        "sandbox:sandbox",
        "Serve an imitation of CSMS, KMS and IAM until you stop it.",
        f"Exit codes: 0 ended by a signal; 2 it cannot start. {_SEALED}",
        sealed=True,
    ),
    Command(
        OTHER,
        "completion:completion",
        "Print a completion script for bash, zsh or fish.",
        'Load it with: source <(csms-rekey completion bash). zsh: save it as _csms-rekey in a folder of "$fpath". fish:'
        " save it as ~/.config/fish/completions/csms-rekey.fish.",
        sealed=True,
    ),
    Command(
        OTHER,
        "man:man",
        "Print the manual page.",
        "Read it with: csms-rekey man | man -l -",
        sealed=True,
    ),
)
