"""Tells a wrong key or a missing right, which every further row would meet, from the failure of one row."""

from collections import Counter
from collections.abc import Callable, Container

from batch.csms.client import Answer
from batch.csms.faults import Fault, FaultKind

_BLAMES = 3
_REFUSALS = 5


class KeyWatch:
    """Holds back the rows of a KMS key that three answers blamed and none accepted, in one scope. `before` tells the
    keys that earlier sessions of the job were accepted with; it is asked only where that decides.
    """

    def __init__(self, before: Callable[[], Container[str]] = frozenset) -> None:
        self._before = before
        self._blames: Counter[str] = Counter()
        self._good: set[str] = set()

    def note(self, kms_key_id: str, answer: Answer) -> str | None:
        """Learns from the answer to a PUT; why the key is held, when this answer made it so."""
        if not isinstance(answer, Fault):
            self._good.add(kms_key_id)
            return None
        if answer.kind is not FaultKind.KEY:
            return None
        self._blames[kms_key_id] += 1
        if self._blames[kms_key_id] != _BLAMES or kms_key_id in self._good:
            return None
        if kms_key_id in self._before():
            self._good.add(kms_key_id)
            return None
        return f"held back: {_BLAMES} answers blamed the key, none accepted it; {answer.code}: {answer.message}"

    def holds(self, kms_key_id: str) -> bool:
        """Whether rows of this key are held back."""
        return self._blames[kms_key_id] >= _BLAMES and kms_key_id not in self._good


class RightsWatch:
    """Notices that a caller has no right at all in a scope: five refusals in a row, and no PUT ever accepted. `before`
    tells whether one was in an earlier session.
    """

    def __init__(self, before: Callable[[], bool] = bool) -> None:
        self._before = before
        self._refusals = 0
        self._accepted = False

    def note(self, answer: Answer) -> str | None:
        """Learns from the answer to a PUT; why the scope has to stop, when this answer made it so."""
        if not isinstance(answer, Fault):
            self._accepted = True
            return None
        self._refusals = self._refusals + 1 if answer.kind is FaultKind.FORBIDDEN else 0
        if self._accepted or self._refusals < _REFUSALS:
            return None
        if self._before():
            self._accepted = True
            return None
        return f"{_REFUSALS} refusals in a row and no row ever accepted; {answer.code}: {answer.message}"
