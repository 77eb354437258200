"""A bad day over real sockets: this tool beside plain loops where requests fail or the quota is shared."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench.processes import HERE, TOOL, Service, run, service
from tests.kit.records import read_journal

# The waits that stamina has by itself, and those that are usual where a service should not be pressed.
_WAITS_S = ((0.1, 5), (1, 30))


Client = Callable[[Service, Path], list[str]]
"""The command that sends the rows of a service, with a new folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One client as the service saw it: seconds from the first PUT to the last, secrets updated, share refused."""

    took_s: float
    done: int
    refused: float


def side_by_side(folder: Path, *, rows: int, rows_beside_a_rival: int) -> Iterator[str]:
    """The same rows by each client, in each weather; all allow 20 attempts a row."""
    yield "| weather | client | seconds | / ideal | refused | rows done |"
    yield "|---|---|---|---|---|---|"
    for share in (30, 50):
        ideal_s = rows / (1 - share / 100) / 50
        options = (f"--secrets={rows}", f"--fault=504={share}%", "--latency=20")
        yield from _all(folder / f"failing-{share}", f"{share} % answered 504", options, per_s=50, ideal_s=ideal_s)
    shared = (f"--secrets={rows_beside_a_rival}", "--rate-limit=20/s", "--rival=10/s", "--latency=20")
    ideal_s = rows_beside_a_rival / 10
    yield from _all(folder / "rival", "a rival of 10/s of 20/s", shared, per_s=20, ideal_s=ideal_s)


def by_access_keys(folder: Path, *, projects: int, rows_each: int) -> Iterator[str]:
    """The same rows by token and by access keys, over many projects: time and CPU."""
    yield "| login | seconds | CPU seconds |"
    yield "|---|---|---|"
    for login in ("token", "aksk"):
        place = folder / login
        place.mkdir()
        options = (f"--secrets={projects * rows_each}", f"--projects={projects}", "--latency=50", "--auth=lenient")
        with service(place, *options) as there:
            keys = (f"HUAWEICLOUD_SDK_AK={there.ak}", f"HUAWEICLOUD_SDK_SK={there.sk}") if login == "aksk" else ()
            used = run(["env", *keys, *_ours(there, place, f"--auth={login}")], token=there.token)
        yield f"| {login} | {used.wall_s:.1f} | {used.cpu_s:.1f} |"


def _all(folder: Path, weather: str, options: Sequence[str], *, per_s: int, ideal_s: float) -> Iterator[str]:
    clients: dict[str, Client] = {
        f"plain loop, waits of {first_s:g}-{longest_s:g} s": partial(_plain, per_s, first_s, longest_s)
        for first_s, longest_s in _WAITS_S
    }
    clients["csms-rekey"] = lambda there, place: _ours(there, place, f"--rate={per_s}/s", "--max-attempts=20")
    for number, (name, client) in enumerate(clients.items()):
        one = _seen(folder / str(number), options, client)
        yield f"| {weather} | {name} | {one.took_s:.1f} | {one.took_s / ideal_s:.2f} | {one.refused:.1%} | {one.done} |"


def _seen(folder: Path, options: Sequence[str], client: Client) -> Seen:
    folder.mkdir(parents=True)
    with service(folder, *options, log=True) as there:
        run(client(there, folder), token=there.token)
        puts = [record for record in read_journal(there.log) if record.method == "PUT"]
    return Seen(
        took_s=puts[-1].at_s - puts[0].at_s,
        done=len({record.secret_name for record in puts if record.status == 200}),
        refused=sum(record.status == 429 for record in puts) / len(puts),
    )


def _plain(per_s: int, first_s: float, longest_s: float, there: Service, _place: Path) -> list[str]:
    where = [there.url, there.token, there.projects[0], str(there.manifest)]
    return [sys.executable, str(HERE / "plain.py"), *where, str(per_s), str(first_s), str(longest_s)]


def _ours(there: Service, folder: Path, *options: str) -> list[str]:
    where = [f"--endpoint={there.url}", f"--project-id={there.projects[0]}", f"--run-dir={folder / 'run'}"]
    return [*TOOL, "run", str(there.manifest), *where, "--progress=off", *options]
