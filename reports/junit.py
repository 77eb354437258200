"""Problems of a manifest as JUnit XML, which every CI system shows beside its tests."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from jobs.printable import printable
from jobs.problem import Problem
from jobs.run_dir.durable import require_plain, whole_file
from reports.error import blaming

# What XML 1.0 has no way to write, beyond the controls that `printable` has written out.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, manifest: str, problems: Sequence[Problem]) -> None:
    """Writes one failing case for each problem, or one that passes where there is none; whole or not at all.

    Raises:
        ReportError: it cannot be written.
    """
    with blaming(path):
        require_plain(path)
        with whole_file(path, durable=False) as file:
            for line in _lines(manifest, problems):
                file.write(f"{line}\n".encode())


def _lines(manifest: str, problems: Sequence[Problem]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuite name="csms-rekey check" tests="{len(problems) or 1}" failures="{len(problems)}">'
    if not problems:
        yield f'  <testcase classname={_attribute(manifest)} name="every row can be sent"/>'
    for problem in problems:
        kind = "file" if problem.structural else "row"
        yield f"  <testcase classname={_attribute(problem.file)} name={_attribute(problem.place)}>"
        yield f"    <failure type={_attribute(kind)} message={_attribute(problem.reason)}/>"
        yield "  </testcase>"
    yield "</testsuite>"


def _attribute(text: str) -> str:
    return quoteattr(_ILLEGAL.sub(lambda found: f"\\u{ord(found[0]):04x}", printable(text)))
