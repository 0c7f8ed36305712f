"""A backup's cipher: pieces in order under a key that only the phrase gives (docs/backup.md). No file, no state.

The key of a file is HKDF-SHA256 of the private key at the backup path and 32 random bytes of the file's own. Pieces are
ChaCha20-Poly1305 with a counter and a mark of the last one in the nonce (the STREAM construction), so that none can be
left out, moved or added; the header is what every one of them authenticates.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chain.address import Address
from chain.errors import AddressMalformed, JsonMalformed
from chain.strict_json import parse
from wallet.errors import BackupDamaged
from wallet.hd import BACKUP_PATH, DerivationPath, KeyTree

FORMAT, VERSION = "tandem-backup", 1
HEADER_BYTES_MAX = 1024
PIECES_MAX = 1 << 20
_SALT_LENGTH = 32
_INFO = b"tandem-backup 1"


@dataclass(slots=True)
class Pieces:
    """Seals, or opens, one file's pieces in order. `root` is the root address of the phrase that it is for."""

    header: str
    root: Address
    _cipher: ChaCha20Poly1305 = field(repr=False)
    _next: int = 0
    _ended: bool = False

    @classmethod
    def begin(cls, tree: KeyTree) -> Pieces:
        """Of a new file, under a key that is used for it alone."""
        root, salt = tree.root().address, os.urandom(_SALT_LENGTH)
        header = json.dumps({"format": FORMAT, "version": VERSION, "root": root, "salt": salt.hex()})
        return cls(header, root, _cipher(tree, salt))

    @classmethod
    def read(cls, header: str, tree: KeyTree) -> Pieces:
        """Of a file that is there, with the keys of the phrase that it may be for. Raises BackupDamaged."""
        root, salt = read_header(header)
        return cls(header, root, _cipher(tree, salt))

    def seal(self, data: bytes, *, last: bool) -> bytes:
        """Raises ValueError after the last piece."""
        return self._cipher.encrypt(self._nonce(last), data, self.header.encode())

    def open(self, piece: bytes, *, last: bool) -> bytes:
        """Raises BackupDamaged for any other piece than the next one."""
        try:
            return self._cipher.decrypt(self._nonce(last), piece, self.header.encode())
        except InvalidTag:
            raise BackupDamaged("it was changed, or cut off") from None

    def _nonce(self, last: bool) -> bytes:
        if self._ended or self._next >= PIECES_MAX:
            raise ValueError("no piece follows the last one")
        number, self._next, self._ended = self._next, self._next + 1, last
        return number.to_bytes(11, "big") + bytes([last])


def read_header(header: str) -> tuple[Address, bytes]:
    """Whose it says it is, and its salt. Raises BackupDamaged."""
    try:
        document = parse(header, HEADER_BYTES_MAX)
    except JsonMalformed:
        raise BackupDamaged("it is no backup") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BackupDamaged("it is no backup")
    if document.get("version") != VERSION or set(document) != {"format", "version", "root", "salt"}:
        raise BackupDamaged("its version is not known to this program")
    try:
        root, salt = Address(document["root"]), bytes.fromhex(document["salt"])
    except (AddressMalformed, TypeError, ValueError):
        raise BackupDamaged("its head is malformed") from None
    if len(salt) != _SALT_LENGTH:
        raise BackupDamaged("its head is malformed")
    return root, salt


def _cipher(tree: KeyTree, salt: bytes) -> ChaCha20Poly1305:
    secret = tree.key(DerivationPath(BACKUP_PATH)).raw
    return ChaCha20Poly1305(HKDF(SHA256(), length=32, salt=salt, info=_INFO).derive(secret))
