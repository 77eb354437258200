"""`check`: every problem of a manifest, nothing sent."""

import tempfile
from pathlib import Path

from batch.cli.options import AUTH, LIMITS, SOURCE, JobFile, ManifestOptions, ManifestPath, spec_of
from batch.cli.problems import ProblemPrinter
from batch.cli.screen import tell
from batch.process.standard_input import StandardInput
from batch.process.version import version
from jobs.manifest.loading import load
from jobs.manifest.source import copy_manifest
from reports import Exit


def check(manifest: ManifestPath, /, *, source: ManifestOptions = SOURCE, _job: JobFile = None) -> int:
    """Reads a manifest exactly as `run` does and prints all that is wrong with it."""
    spec = spec_of(source, LIMITS, AUTH)
    with tempfile.TemporaryDirectory(prefix="csms-rekey-check-") as name:
        folder = Path(name)
        copy = copy_manifest(manifest, folder, stdin=StandardInput())
        loaded = load(copy, spec, folder, version=version(), on_problem=ProblemPrinter(tell, limit=None).add)
    tell(f"{copy.name}: {loaded.rows} rows, {loaded.invalid} invalid, {loaded.structural} problems of the file itself")
    if loaded.structural or (spec.strict and loaded.invalid):
        return Exit.USAGE
    return Exit.NOT_ALL_DONE if loaded.invalid else Exit.DONE
