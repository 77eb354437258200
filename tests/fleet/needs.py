"""What a campaign needs, by the formulas and the measured figures of docs/capacity.md."""

from dataclasses import dataclass

# As the page has them, with where each was measured.
ROW_CPU_S = 165e-6
PROJECT_CPU_S = 3e-3
READ_CPU_S = 13e-6
WAIT_CPU_S = 26e-6
PROCESS_MB = 65.0
PROJECT_MB = 0.03
OTHER_FILES = 128
MANIFEST_BYTES = 91
OTHERS_BYTES = 101
SNAPSHOT_BYTES = 215
OUTCOME_BYTES = 245
SNAPSHOT_EVERY_S = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Projects of one size on as many machines as there are shards."""

    projects: int
    rows: int
    machines: int
    rate: float = 10.0
    capacity: float = 640.0

    @property
    def time_s(self) -> float:
        """Read, then send at the pace of the projects or of the machine."""
        sends_s = max(self.rows / self.projects / self.rate, self.rows / self.machines / self.capacity)
        return 1 + READ_CPU_S * self.rows + sends_s

    @property
    def cpu_s(self) -> float:
        """Of each machine."""
        own = ROW_CPU_S * self.rows + (PROJECT_CPU_S + WAIT_CPU_S * self.time_s) * self.projects
        return READ_CPU_S * self.rows + own / self.machines

    @property
    def memory_mb(self) -> float:
        """Of each process."""
        return PROCESS_MB + PROJECT_MB * self.projects / self.machines

    @property
    def open_files(self) -> float:
        """Of each process."""
        return OTHER_FILES + self.projects / self.machines

    @property
    def disk_mb(self) -> float:
        """Local, of each machine: two copies of the manifest, the ledger, the outcomes, and a snapshot on its way."""
        whole = (2 * MANIFEST_BYTES + OTHERS_BYTES) * self.rows
        return (whole + (2 * SNAPSHOT_BYTES + OUTCOME_BYTES) * self.rows / self.machines) / 1e6

    @property
    def upload_mb_s(self) -> float:
        """Of all machines."""
        return SNAPSHOT_BYTES * self.rows / SNAPSHOT_EVERY_S / 1e6


def in_words(seconds: float) -> str:
    """As the page writes it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"


def line_of(need: Need) -> str:
    """A line of the page's table."""
    cells = (
        f"{need.projects:,}", f"{need.rows:,}", f"{need.machines}", in_words(need.time_s), in_words(need.cpu_s),
        f"{need.memory_mb:.0f} MB", f"{need.open_files:,.0f}",
        f"{need.disk_mb:,.0f} MB", f"{need.upload_mb_s:.1f} MB/s" if need.machines > 1 else "-",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


NEEDS = (
    Need(projects=1, rows=1_000, machines=1),
    Need(projects=1, rows=100_000, machines=1),
    Need(projects=100, rows=100_000, machines=1),
    Need(projects=2_000, rows=20_000, machines=1),
    Need(projects=2_000, rows=1_000_000, machines=1),
    Need(projects=10_000, rows=1_000_000, machines=1),
    Need(projects=10_000, rows=1_000_000, machines=4),
    Need(projects=20_000, rows=5_000_000, machines=8),
    Need(projects=20_000, rows=50_000_000, machines=40),
    Need(projects=100_000, rows=50_000_000, machines=40),
)
