"""What the sandbox saw and did, request by request: the truth a test holds a client's claims against."""

from pathlib import Path
from typing import BinaryIO

import msgspec

from batch.sandbox.events import Arrived, Ended, Event, Landed, Opened, VersionMade
from batch.sandbox.wire import Arrival


class _OnlyKey(msgspec.Struct):
    kms_key_id: str | None = None


_encode = msgspec.json.Encoder().encode
_decode_key = msgspec.json.Decoder(_OnlyKey).decode


class Journal:
    """Keeps the events in memory (unless `keep` is False) and appends them to `path`, a JSON line each, as they happen.

    Each line is one unbuffered write, so the file is complete up to the last event whatever ends the process.
    `epoch_s` is the start of the sandbox in UTC seconds since 1970.

    Raises:
        OSError: the file cannot be opened or written.
    """

    def __init__(self, *, epoch_s: float, path: Path | None = None, keep: bool = True) -> None:
        self.arrived_count = 0
        self.open_count = 0
        self.events: list[Event] = []
        self._keep = keep
        self._file: BinaryIO | None = None if path is None else path.open("ab", buffering=0)
        try:
            self._write(Opened(epoch_s=epoch_s))
        except OSError:
            self.close()
            raise

    def arrived(
        self,
        arrival: Arrival,
        *,
        applied: bool,
        fault: str | None,
        lands_at_s: float | None,
        request_id: str | None,
    ) -> None:
        """A request is here, and what becomes of it is decided."""
        self.arrived_count += 1
        self.open_count += 1
        route = arrival.route
        self._write(
            Arrived(
                n=arrival.n,
                at_s=arrival.now_s,
                open=self.open_count,
                method=arrival.request.method,
                target=arrival.request.target,
                project_id=(route.project_id or None) if route else None,
                secret_name=arrival.secret_name,
                kms_key_id=_asked_key(arrival),
                applied=applied,
                fault=fault,
                lands_at_s=lands_at_s,
                request_id=request_id,
            )
        )

    def ended(self, n: int, now_s: float, *, status: int | None, whole: bool) -> None:
        """The server is done with request `n`; `status` None when nothing was sent."""
        self.open_count -= 1
        self._write(Ended(n=n, at_s=now_s, status=status, whole=whole))

    def landed(self, n: int, now_s: float, *, applied: bool) -> None:
        """The late update of request `n` took place, or was refused."""
        self._write(Landed(n=n, at_s=now_s, applied=applied))

    def version_made(self, made: VersionMade) -> None:
        """Someone else made a new version."""
        self._write(made)

    def close(self) -> None:
        """Lets go of the file; what was kept in memory stays, and later events only go there."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, event: Event) -> None:
        if self._keep:
            self.events.append(event)
        if self._file is not None:
            self._file.write(_encode(event) + b"\n")


def _asked_key(arrival: Arrival) -> str | None:
    if not arrival.is_update:
        return None
    try:
        return _decode_key(arrival.request.body).kms_key_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
