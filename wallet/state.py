"""What the client remembers between commands: JSON files below TANDEM_HOME, kept by ledger, none of them secret money.

A file is written to a temporary name with its mode set first, synced, then renamed, so that a crash leaves the old
one or the new one. Two locks: `command` is held by one command that moves money at a time; `files` for the moment of a
change. Everything that belongs to a ledger lies below its id: another ledger at the same address is another folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wallet.errors import StateBusy, StateUnusable

Document = dict[str, Any]
FILE_BYTES_MAX = 16 * 1024 * 1024
LOCK_SECONDS_MAX = 5
_POLL_SECONDS = 0.05


class Folder:
    """A folder of JSON documents, each a dict; a missing one reads as empty."""

    def __init__(self, path: Path, home: Path | None = None) -> None:
        self.path = path
        self._home = home or path

    def below(self, *names: str) -> Folder:
        """The folder of that name inside."""
        return Folder(self.path.joinpath(*names), self._home)

    def read(self, name: str) -> Document:
        """Raises StateUnusable."""
        path = self.path / f"{name}.json"
        try:
            with path.open("rb") as file:
                raw = file.read(FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StateUnusable(str(path), error.strerror or "unreadable") from None
        try:
            document = json.loads(raw) if len(raw) <= FILE_BYTES_MAX else None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise StateUnusable(str(path), "no JSON object")
        return document

    def change(self, name: str, edit: Callable[[Document], None]) -> Document:
        """Reads, lets `edit` change the document in place, writes it if it is another then. Returns it."""
        with _lock(self._home / "files.lock", LOCK_SECONDS_MAX):
            document = self.read(name)
            before = json.dumps(document, sort_keys=True)
            edit(document)
            if json.dumps(document, sort_keys=True) != before:
                self._write(name, document)
        return document

    def put(self, name: str, document: Document) -> None:
        """Writes the document whatever stood there."""
        with _lock(self._home / "files.lock", LOCK_SECONDS_MAX):
            self._write(name, document)

    def stamp(self, name: str) -> int:
        """Another number after each change of the document; 0 while there is none."""
        try:
            return (self.path / f"{name}.json").stat().st_mtime_ns
        except OSError:
            return 0

    def remove(self, name: str) -> None:
        (self.path / f"{name}.json").unlink(missing_ok=True)

    def names(self) -> list[str]:
        """The documents that are there, by name."""
        return sorted(path.stem for path in self.path.glob("*.json"))

    def _write(self, name: str, document: Document) -> None:
        path = self.path / f"{name}.json"
        try:
            make_private(self.path)
            replace_file(path, json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode())
        except OSError as error:
            raise StateUnusable(str(path), error.strerror or "write failed") from None


class Store(Folder):
    """TANDEM_HOME as a whole."""

    def ledger(self, ledger_id: bytes) -> Folder:
        """What belongs to one ledger: me, pins, head, session, receipts."""
        return self.below("ledgers", ledger_id.hex())

    def chain(self, chain_id: int) -> Folder:
        """What belongs to one chain: its genesis, pinned tokens."""
        return self.below("chains", str(chain_id))

    def ledger_of(self, server: str) -> bytes | None:
        """The ledger that this server was seen to keep."""
        known = self.read("servers").get(server)
        return bytes.fromhex(known) if known else None

    @contextmanager
    def one_command(self, seconds_max: int = LOCK_SECONDS_MAX) -> Iterator[None]:
        """Held by a command that moves money, from its first look to its answer. Raises StateBusy."""
        make_private(self.path)
        with _lock(self.path / "command.lock", seconds_max):
            yield


def check_private(home: Path) -> None:
    """Whoever may write there decides whom the person pays (pins, lists). Raises StateUnusable."""
    try:
        found = home.stat()
    except OSError:
        return  # not there yet, or told about when it is used
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise StateUnusable(str(home), "others may write to it")


def make_private(folder: Path) -> None:
    """The folder and its missing parents, for this user alone."""
    if not folder.is_dir():
        for parent in reversed((folder, *folder.parents)):
            if not parent.exists():
                parent.mkdir(mode=0o700, exist_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Old content or new, whatever happens meanwhile; mode 0600."""
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _lock(path: Path, seconds_max: int) -> Iterator[None]:
    """An advisory lock of this user's processes; it ends with the process. Raises StateBusy, StateUnusable."""
    try:
        make_private(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StateUnusable(str(path), error.strerror or "write failed") from None
    try:
        deadline = time.monotonic() + seconds_max
        while not _taken(descriptor):
            if time.monotonic() > deadline:
                raise StateBusy(str(path.parent))
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
