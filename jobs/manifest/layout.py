"""Which columns a kind of file has: those that it must have, and those that it may have."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that a kind of file must have, and those it may have; any other is carried and not used."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def used(self) -> tuple[str, ...]:
        """All of them."""
        return self.required + self.optional


ACCOUNT = "account"
"""Whose login a row is sent with; what only passes rows on keeps this column as any other."""
MANIFEST_LAYOUT = Layout(
    ("secret_name", "kms_key_id"), ("project_id", "region", "description", "expected_kms_key_id", ACCOUNT)
)
