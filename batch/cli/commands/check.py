"""`check`: every problem of a manifest, nothing sent."""

import tempfile
from pathlib import Path

from batch.cli.loading import ProblemPrinter, load_manifest
from batch.cli.options import AUTH, LIMITS, SOURCE, JobFile, ManifestOptions, ManifestPath, spec_of
from batch.cli.screen import tell
from reports import Exit


def check(manifest: ManifestPath, /, *, source: ManifestOptions = SOURCE, _job: JobFile = None) -> int:
    """Reads a manifest exactly as `run` does and prints all that is wrong with it."""
    spec = spec_of(source, LIMITS, AUTH)
    with tempfile.TemporaryDirectory(prefix="csms-rekey-check-") as name:
        loaded = load_manifest(manifest, spec, Path(name), ProblemPrinter(tell, limit=None).add)
    found = f"{loaded.rows} rows, {loaded.invalid} invalid, {loaded.structural} problems of the file itself"
    tell(f"{loaded.name}: {found}")
    if not loaded.usable(strict=spec.strict):
        return Exit.USAGE
    return Exit.NOT_ALL_DONE if loaded.invalid else Exit.DONE
