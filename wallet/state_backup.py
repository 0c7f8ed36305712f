"""The client's state in a backup file and out of it; the signer seals and opens the pieces (docs/backup.md).

Everything that the client keeps in JSON below its folder goes in, but the vault and what signs in. A file is written
under a temporary name, and read whole before anything is restored; a document that is there already stays as it is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from wallet.errors import BackupDamaged, StateUnusable
from wallet.signing import Signer
from wallet.state import FILE_BYTES_MAX, make_private, replace_file

PIECE_BYTES_MAX = 256 * 1024
BACKUP_BYTES_MAX = 256 * 1024 * 1024
FILES_MAX = 100_000
_DEPTH_MAX = 6
_PREFIX = 4
_PART = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9_.@-]{0,120}", re.ASCII)
_LEFT_OUT = re.compile(r"vault.*\.json|session\.json", re.ASCII)

Source = dict[str, Any]
"""A phrase or shares, as the signer's `open_backup` takes them."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Documents that came out of a backup, and those that were there already."""

    written: int
    kept: int


def state_of(home: Path) -> dict[str, str]:
    """The documents by their path below `home`. Raises StateUnusable."""
    found: dict[str, str] = {}
    for path in sorted(home.rglob("*.json")):
        name = path.relative_to(home).as_posix()
        if not is_state(name) or path.is_symlink() or not path.is_file():
            continue
        try:
            found[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise StateUnusable(str(path), "unreadable") from None
    if len(found) > FILES_MAX or sum(map(len, found.values())) > BACKUP_BYTES_MAX // 2:
        raise StateUnusable(str(home), "it is too large")
    return found


def is_state(name: str) -> bool:
    """May a document of this path be in a backup?"""
    parts = name.split("/")
    fits = len(parts) <= _DEPTH_MAX and all(_PART.fullmatch(part) for part in parts)
    return fits and parts[-1].endswith(".json") and not _LEFT_OUT.fullmatch(parts[-1])


async def write_backup(signer: Signer, password: str, home: Path, path: Path) -> int:
    """A new file, mode 0600, whole or not at all; how many documents are in it. Raises StateUnusable, VaultUnopened."""
    state = state_of(home)
    header, piece = await signer.begin_backup(password)
    framed = [header.encode() + b"\n", _framed(piece)]
    plain = json.dumps(state, ensure_ascii=False).encode()
    pieces = [plain[at : at + PIECE_BYTES_MAX] for at in range(0, len(plain), PIECE_BYTES_MAX)]
    for number, data in enumerate(pieces, 1):
        framed.append(_framed(await signer.seal_backup(data, last=number == len(pieces))))
    try:
        if path.exists():
            raise StateUnusable(str(path), "it is there already")
        replace_file(path, b"".join(framed))
    except OSError as error:
        raise StateUnusable(str(path), error.strerror or "write failed") from None
    return len(state)


async def read_backup(signer: Signer, source: Source, path: Path) -> dict[str, str]:
    """The documents of a file that this phrase opens; the signer holds its keys then, and nothing is written.

    Raises BackupDamaged, BackupForeign, StateUnusable.
    """
    try:
        with path.open("rb") as file:
            header, pieces = _read(file)
    except OSError as error:
        raise StateUnusable(str(path), error.strerror or "unreadable") from None
    if len(pieces) < 2:
        raise BackupDamaged("it was changed, or cut off")
    await signer.open_backup(source, header, pieces[0])
    plain = b""
    for number, piece in enumerate(pieces[1:], 2):
        plain += await signer.unseal_backup(piece, last=number == len(pieces))
    try:
        state = json.loads(plain)
    except ValueError:
        state = None
    if not isinstance(state, dict) or not all(isinstance(text, str) for text in state.values()):
        raise BackupDamaged("it was written by a later version of this program")
    if not all(is_state(name) and len(text) <= FILE_BYTES_MAX for name, text in state.items()):
        raise BackupDamaged("it was written by a later version of this program")
    return state


def restore_state(home: Path, state: dict[str, str]) -> Restored:
    """Writes what is missing. Raises StateUnusable."""
    written = 0
    for name, text in state.items():
        path = home / name
        if path.exists() or path.is_symlink():
            continue
        try:
            make_private(path.parent)
            replace_file(path, text.encode())
        except OSError as error:
            raise StateUnusable(str(path), error.strerror or "write failed") from None
        written += 1
    return Restored(written, len(state) - written)


def _framed(piece: bytes) -> bytes:
    return len(piece).to_bytes(_PREFIX, "big") + piece


def _read(file: BinaryIO) -> tuple[str, list[bytes]]:
    if os.fstat(file.fileno()).st_size > BACKUP_BYTES_MAX:
        raise BackupDamaged("it is too large")
    line = file.readline(2048)
    try:
        header = line.decode("ascii")
    except UnicodeDecodeError:
        raise BackupDamaged("it is no backup") from None
    if not header.endswith("\n"):
        raise BackupDamaged("it is no backup")
    return header[:-1], list(_pieces(file))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while prefix := file.read(_PREFIX):
        length = int.from_bytes(prefix, "big")
        piece = file.read(length) if len(prefix) == _PREFIX and length <= 2 * PIECE_BYTES_MAX else b""
        if len(piece) != length or not piece:
            raise BackupDamaged("it was changed, or cut off")
        yield piece
