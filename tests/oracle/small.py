"""Small cases for the oracle's own tests: a row, its records, and what is reported of it."""

from dataclasses import replace

import msgspec

from jobs.model import Status
from tests.kit.records import Record
from tests.oracle import Asked, Bounds, Case, Claim

OLD, NEW, OTHER = "0" * 32, "a" * 32, "b" * 32
PROJECT = "p" * 32


def asked(row: int, name: str, **more: object) -> Asked:
    one = Asked(row=row, project_id=PROJECT, secret_name=name, kms_key_id=NEW)
    return msgspec.structs.replace(one, **more)


def put(n: int, name: str, **more: object) -> Record:
    """A PUT that was applied and answered 200 as a whole, one a second."""
    return record(n, "PUT", name, **{"kms_key_id": NEW, "applied": True, **more})


def refused(n: int, name: str, status: int | None = 400, **more: object) -> Record:
    """A PUT that was not applied."""
    return put(n, name, **{"applied": False, "status": status, **more})


def get(n: int, name: str, **more: object) -> Record:
    return record(n, "GET", name, **more)


def record(n: int, method: str, name: str, **more: object) -> Record:
    one = Record(
        n=n,
        at_s=float(n),
        ended_s=n + 0.1,
        open=1,
        method=method,
        target=f"/v1/{PROJECT}/secrets/{name}",
        project_id=PROJECT,
        secret_name=name,
        kms_key_id=None,
        applied=False,
        fault=None,
        lands_at_s=None,
        landed_s=None,
        status=200,
        answered_whole=True,
        request_id=f"r{n}",
    )
    return msgspec.structs.replace(one, **more)


def case_of(*rows: tuple[Asked, Status, int, tuple[Record, ...]], **more: object) -> Case:
    """Rows with their status, attempts and records; the tape has an intent for each PUT, the keys follow the PUTs."""
    records = tuple(sorted((one for *_, found in rows for one in found), key=lambda one: one.n))
    before = {one.place: OLD for one, *_ in rows}
    changed = {(r.project_id, r.secret_name): r.kms_key_id for r in records if r.applied}
    plain = Case(
        asked=tuple(one for one, *_ in rows),
        claims=tuple(
            Claim(row=one.row, secret_name=one.secret_name, kms_key_id=NEW, status=status, attempts=attempts)
            for one, status, attempts, _ in rows
        ),
        again=tuple(one.row for one, status, *_ in rows if status.group.value == "run_again"),
        records=records,
        before=before,
        after={**before, **changed},  # type: ignore[dict-item] # a record's place may be None, not here
        bounds=Bounds(per_s=1.0, burst=1, concurrency=2, max_attempts=3, lands_within_s=5.0),
    )
    return replace(plain, **more)  # type: ignore[arg-type] # each test names fields of a case


def told(case: Case, row: int, **changes: object) -> Case:
    """The same case with another claim about one row."""
    claims = tuple(msgspec.structs.replace(one, **changes) if one.row == row else one for one in case.claims)
    again = tuple(one.row for one in claims if one.status.group.value == "run_again")
    return replace(case, claims=claims, again=again)


def single(
    status: Status, attempts: int, *records: Record, row: dict[str, object] | None = None, **more: object
) -> Case:
    """A case of one row, `row` changes what it asks for."""
    return case_of((asked(1, "a", **(row or {})), status, attempts, records), **more)


def pair(*rows: tuple[dict[str, object], Status]) -> Case:
    """Rows of one secret, none of them sent."""
    return case_of(*((asked(n, "a", **row), status, 0, ()) for n, (row, status) in enumerate(rows, 1)))
