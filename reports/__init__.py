"""The reporter: files and screens projected from a ledger alone."""

from reports.error import ReportError
from reports.exit_code import Ending, Exit, exit_code_of
from reports.screen.end import show_end
from reports.screen.status import Standing, status_lines
from reports.summary.schema import Summary, remove_summary
from reports.unrecorded import print_lost, print_unrecorded
from reports.writing import write_reports

__all__ = [
    "Ending",
    "Exit",
    "ReportError",
    "Standing",
    "Summary",
    "exit_code_of",
    "print_lost",
    "print_unrecorded",
    "remove_summary",
    "show_end",
    "status_lines",
    "write_reports",
]
