"""The reporter: files and screens projected from a ledger alone."""

from reports.error import ReportError, written_later
from reports.exit_code import Ending, Exit, exit_code_of
from reports.screen.status import Standing, standing_json, status_lines
from reports.summary.schema import Summary, read_summary_text
from reports.unrecorded import print_lost, print_unrecorded
from reports.writing import withdraw_summary, write_reports

__all__ = [
    "Ending",
    "Exit",
    "ReportError",
    "Standing",
    "Summary",
    "exit_code_of",
    "print_lost",
    "print_unrecorded",
    "read_summary_text",
    "standing_json",
    "status_lines",
    "withdraw_summary",
    "write_reports",
    "written_later",
]
