"""Where tasks are handed out to, as who hands them out sees it: a scheduler and its workers, or a model of them."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from batch.fleet.task import Answer, Gone, ShardTask


class Cancelled(msgspec.Struct, frozen=True):
    """There is no such task any more, though its scheduler is there: somebody has cancelled it, or the scheduler was
    started again. What it had begun may still run.
    """


class SchedulerError(OSError):
    """The scheduler does not answer at the moment."""

    def __init__(self) -> None:
        super().__init__("the scheduler does not answer")


class Hands(Protocol):
    """Every call ends in bounded time; those that ask the scheduler may raise a SchedulerError."""

    def submit(self, task: ShardTask, avoid: frozenset[str]) -> None:
        """Hands one out, if possible to none of the workers to `avoid`."""

    def next_answer(self, within_s: float) -> tuple[str, Answer | Cancelled] | Gone | None:
        """What one has answered; None where none has within that time."""

    def workers(self) -> Mapping[str, int]:
        """Those that there are, and how many tasks each runs at a time."""

    def running(self) -> Mapping[str, str]:
        """The keys of tasks that a worker has, and which one."""
