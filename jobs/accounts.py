"""Reads `accounts.toml`: which login each account that a manifest names is to have; it holds names, never a secret."""

import tomllib
from pathlib import Path

import msgspec

from jobs.spec import AccountsFile, Agency, SpecError

_OPTION = "accounts"


class AccountEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to log in for one account: a profile of the credentials file, an agency that is taken on, or both."""

    profile: str | None = None
    agency: str | None = None
    agency_domain: str | None = None

    def __post_init__(self) -> None:
        """Refuses what names no login, or an agency in part.

        Raises:
            ValueError: it does.
        """
        if (self.agency is None) != (self.agency_domain is None):
            raise ValueError("agency and agency_domain belong together")
        if not (self.profile or self.agency):
            raise ValueError("names neither a profile nor an agency")

    @property
    def taken_on(self) -> Agency | None:
        """The agency, if there is one."""
        return Agency(name=self.agency, domain=self.agency_domain) if self.agency and self.agency_domain else None


def read_accounts(path: Path) -> dict[str, AccountEntry]:
    """Every account of the file, by its name.

    Raises:
        SpecError: the file cannot be read, or says something else.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(_OPTION, f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(_OPTION, f"{path}: not TOML: {error}") from error
    try:
        return {name: msgspec.convert(table, AccountEntry) for name, table in tables.items()}
    except msgspec.ValidationError as error:
        wrong = next(name for name, table in tables.items() if not _is_entry(table))
        raise SpecError(_OPTION, f"{path}: [{wrong}]: {error}") from error


def accounts_file(path: Path | None) -> AccountsFile | None:
    """What a job keeps of the file: where it is, and whom it names.

    Raises:
        SpecError: it cannot be used.
    """
    return None if path is None else AccountsFile(path=str(path.absolute()), names=tuple(read_accounts(path)))


def _is_entry(table: object) -> bool:
    try:
        msgspec.convert(table, AccountEntry)
    except msgspec.ValidationError:
        return False
    return True
