"""What a run makes of a manifest when the project of the job could not be had."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from batch.cli.loading import incoming_of, load_to_run
from batch.csms.auth import CredentialError
from jobs.spec import JobSpec

KEY, PROJECT = "0" * 32, "1" * 32


@pytest.mark.parametrize(
    ("header", "cells", "stops"),
    [
        ("secret_name,kms_key_id,project_id", (PROJECT, PROJECT), False),
        ("secret_name,kms_key_id,project_id", (PROJECT, "malformed"), False),
        ("secret_name,kms_key_id,project_id", (PROJECT, ""), True),
        ("secret_name,kms_key_id,description", ("", ""), True),
    ],
)
def test_only_a_row_that_lacks_its_project_stops_a_run_whose_project_could_not_be_had(
    tmp_path: Path, header: str, cells: tuple[str, ...], *, stops: bool
) -> None:
    """One that names it badly is at fault itself, and keeps no other from being sent."""
    manifest = tmp_path / "m.csv"
    lines = [header, *(f"s{number},{KEY},{cell}" for number, cell in enumerate(cells))]
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = tmp_path / "run"
    folder.mkdir()
    reason = CredentialError("IAM does not tell")
    with pytest.raises(CredentialError, match="IAM does not tell") if stops else nullcontext():
        load_to_run(incoming_of(str(manifest)), JobSpec(endpoint="http://127.0.0.1:1"), folder, reason)
