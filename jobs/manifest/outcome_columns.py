"""The three columns a rejected row carries besides the manifest's own; they are ignored when it is read back."""

from jobs.ledger import ToldRow
from jobs.printable import cell, name_cell

NAMES = ("status", "error_code", "error_message")


def outcome_cells(row: ToldRow, encoding: str = "utf-8") -> tuple[str, str, str]:
    """Their values for a row, as `encoding` can hold them."""
    outcome = row.outcome
    return (
        outcome.status.value,
        name_cell(outcome.error_code or "", encoding),
        cell(outcome.error_message or "", encoding),
    )
