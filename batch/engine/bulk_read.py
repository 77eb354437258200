"""Settles many doubtful rows of a scope by listing its secrets, where that takes fewer requests than reading each."""

from dataclasses import dataclass, field

from batch.csms.client import SecretPage, SecretView
from batch.engine.work import Work

# Below this many, reading each is as good.
AT_LEAST = 20
# So many secrets with the longest descriptions still fit into an answer of 64 KiB.
PAGE_LIMIT = 20


@dataclass(slots=True, kw_only=True)
class Sweep:
    """Rows that wait for a look at their secret, by its name, and how far the list has been read."""

    pending: dict[str, Work]
    marker: str | None = None
    pages_left: int = 0
    seen_markers: set[str] = field(default_factory=set)

    def take_page(self, page: SecretPage) -> list[tuple[Work, SecretView]]:
        """The rows that a page shows, and moves on to the next page."""
        found = [(self.pending.pop(view.name), view) for view in page.secrets if view.name in self.pending]
        self.pages_left -= 1
        self.marker = page.next_marker
        return found

    @property
    def over(self) -> bool:
        """Whether there is nothing more to list: all found, no page left, or a marker that goes round in circles."""
        if not self.pending or self.marker is None or self.pages_left <= 0 or self.marker in self.seen_markers:
            return True
        self.seen_markers.add(self.marker)
        return False


def sweep_of(works: list[Work]) -> Sweep:
    """A sweep that never takes more requests than reading each row would."""
    return Sweep(pending={work.progress.update.secret_name: work for work in works}, pages_left=len(works))
