"""The operator's signing key: seals, receipts and heads carry its signature. It cannot move money or tokens.

One file below the state folder, mode 0600, made at the first start. The genesis record, and so the ledgerId, pins its
address: a lost or changed file is another operator, and the journal refuses to open with it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from coincurve import PrivateKey

from api.errors import SettingWrong
from fiat.signature import address_of

FILE_NAME = "operator-key"
_HEX = re.compile(r"[0-9a-f]{64}\n?", re.ASCII)


class SigningKey:
    """A secp256k1 key that signs digests (fiat.signature.OperatorKey). Its repr is `***`."""

    __slots__ = ("_key", "address")

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.address = address_of(key.public_key)

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r, s, v (27 or 28), s in the lower half (libsecp256k1 gives no other)."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    def __repr__(self) -> str:
        return "SigningKey(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a signing key is not copied or stored this way")


def open_key(state: Path) -> SigningKey:
    """Read the key, or make it where there is none yet. Raises SettingWrong for a file others may read."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state / FILE_NAME
    if not path.exists():
        with suppress(FileExistsError):  # another process of ours was first: its key counts
            _write_new(path, PrivateKey(os.urandom(32)).to_hex())
    if path.stat().st_mode & 0o077:
        raise SettingWrong(str(path), "may be read by its owner only (mode 0600)")
    text = path.read_text("ascii")
    if not _HEX.fullmatch(text):
        raise SettingWrong(str(path), "does not hold a key")
    return SigningKey(PrivateKey(bytes.fromhex(text.strip())))


def _write_new(path: Path, text: str) -> None:
    """Never over an existing file: complete under a name of its own first, then linked to its place, then synced."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
