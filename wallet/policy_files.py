"""The signer's files of a policy: counters, whole and durable before anything is signed, and the log of decisions.

Both carry tags under a key that the vault's phrase gives. One writer at a time, by a lock, since two signers of one
person may be at work; what a file says is taken as it is and judged in wallet.guard.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from chain.errors import JsonMalformed
from chain.strict_json import parse
from wallet.errors import StateUnusable
from wallet.policy_counters import Counters
from wallet.policy_log import LINE_BYTES_MAX, Entry, is_own, line_of, read_line
from wallet.state import replace_file

COUNTERS_NAME, LOG_NAME = "policy.counters", "policy.log"
LOG_BYTES_MAX, LOGS_MAX = 1024 * 1024, 4
_COUNTERS_BYTES_MAX = 4 * 1024 * 1024


@dataclass(slots=True)
class PolicyFiles:
    """Beside the vault. `read` and `write` are called while `taken` holds."""

    folder: Path
    _key: bytes = field(repr=False)

    @property
    def counters(self) -> Path:
        return self.folder / COUNTERS_NAME

    @property
    def log(self) -> Path:
        return self.folder / LOG_NAME

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Held for a moment; others wait. Raises StateUnusable."""
        try:
            lock = os.open(self.folder / f".{COUNTERS_NAME}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._unusable(self.counters, error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def read(self) -> Counters | None:
        """None where there are none, or none that a signer of this wallet wrote."""
        try:
            with self.counters.open("rb") as file:
                document = parse(file.read(_COUNTERS_BYTES_MAX + 1), _COUNTERS_BYTES_MAX)
            if not isinstance(document, dict) or not isinstance(document.get("tag"), str):
                return None
            body = {name: value for name, value in document.items() if name != "tag"}
            return Counters.from_json(body) if hmac.compare_digest(document["tag"], self._tag(body)) else None
        except (OSError, JsonMalformed, KeyError, TypeError, ValueError, AttributeError):
            return None

    def write(self, counters: Counters) -> None:
        """Durable when this returns: the old file or the new one, whatever happens. Raises StateUnusable."""
        body = counters.to_json()
        content = json.dumps({**body, "tag": self._tag(body)}, indent=1, sort_keys=True).encode()
        try:
            replace_file(self.counters, content + b"\n")
        except OSError as error:
            raise self._unusable(self.counters, error) from None

    def drop(self) -> None:
        self.counters.unlink(missing_ok=True)

    def last(self) -> Entry | None:
        """The last whole entry that a signer of this wallet wrote, wherever it stands after a rotation."""
        for path in (self.log, self._old(1)):
            with suppress(OSError), path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - 2 * LINE_BYTES_MAX, 0))
                for line in reversed(file.read().split(b"\n")[:-1]):
                    if (entry := read_line(line)) is not None and is_own(entry, self._key):
                        return entry
        return None

    def append(self, entry: Entry) -> int:
        """One line, durable when this returns; a torn one before it is cut off. Its number. Raises StateUnusable."""
        last = self.last()
        line = line_of(entry, last, self._key)
        if len(line) > LINE_BYTES_MAX:
            line = line_of({**entry, "request": None}, last, self._key)
        try:
            if self._cut() > LOG_BYTES_MAX:
                self._rotate()
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            with os.fdopen(os.open(self.log, flags, 0o600), "ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unusable(self.log, error) from None
        return int(last["n"]) + 1 if last else 1

    def _cut(self) -> int:
        """Takes a torn last line away; how long the log is then."""
        try:
            with self.log.open("r+b") as file:
                whole = file.read().rfind(b"\n") + 1
                file.truncate(whole)
                return whole
        except FileNotFoundError:
            return 0

    def _rotate(self) -> None:
        for number in range(LOGS_MAX - 1, 0, -1):
            newer = self._old(number - 1) if number > 1 else self.log
            if newer.exists():
                newer.replace(self._old(number))

    def _old(self, number: int) -> Path:
        return self.folder / f"{LOG_NAME}.{number}"

    def _tag(self, body: Entry) -> str:
        text = json.dumps(body, separators=(",", ":"), sort_keys=True)
        return hmac.digest(self._key, b"counters " + text.encode(), "sha256").hex()

    def _unusable(self, path: Path, error: OSError) -> StateUnusable:
        return StateUnusable(str(path), error.strerror or "write failed")


def log_content(folder: Path) -> bytes:
    """Every line that is kept, oldest first, for whoever reads. Raises StateUnusable."""
    found = b""
    for path in [*(folder / f"{LOG_NAME}.{n}" for n in range(LOGS_MAX - 1, 0, -1)), folder / LOG_NAME]:
        try:
            found += path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StateUnusable(str(path), error.strerror or "unreadable") from None
    return found
