"""The vault: one file, readable by nobody without the password, never half written.

It is a JSON object. `ciphertext` is ChaCha20-Poly1305 over the secret part; everything else in the file (what `Public`
holds, the parameters, the version) is its associated data, so a changed header opens as badly as a wrong password and
nothing tells the two apart. The key is Argon2id of the password. Parameters are checked against both bounds before any
work is done. The public part can be read without a password, and is trusted only after one. Whatever writes a vault
writes a whole one of the current version: an older file is taken up by its first change.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from chain.errors import JsonMalformed
from chain.strict_json import parse
from wallet.errors import (
    PasswordUnfit,
    VaultChanged,
    VaultDamaged,
    VaultExists,
    VaultMissing,
    VaultUnopened,
    VaultUnwritten,
)
from wallet.vault_format import (
    NONCE_LENGTH,
    Contents,
    Document,
    Kdf,
    Profile,
    Public,
    canonical,
    head_of,
    kdf_of,
    public_of,
    read_contents,
    shaped,
)

FILE_BYTES_MAX = 1 << 20
PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX = 8, 1024
_ASIDE_MAX = 100

Change = Callable[[Public, Contents], tuple[Public, Contents]]


@dataclass(slots=True)
class Vault:
    """An open vault. Holds the file's key so that its content can change without asking for the password again."""

    path: Path
    public: Public
    contents: Contents
    _kdf: Kdf
    _key: bytes = field(repr=False)
    _seen: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def create(
        cls, path: Path, password: str, contents: Contents, public: Public, profile: Profile, *, beside: bool = False
    ) -> Vault:
        """Write a new vault, mode 0600. Raises PasswordUnfit, VaultExists, VaultUnwritten.

        `beside` keeps a vault that is there under another name; there is one at `path` all the time.
        """
        check_password(password)
        if path.exists() and not beside:
            raise VaultExists(str(path))
        kdf = Kdf.fresh(profile)
        vault = cls(path, public, contents, kdf, _derive(path, kdf, password))
        with _writing(path):
            if beside and path.exists():
                _set_aside(path)
            _write(path, vault._sealed(), replace=beside)
            vault._seen = _stamp(path)
        return vault

    @classmethod
    def open(cls, path: Path, password: str) -> Vault:
        """Raises VaultMissing, VaultDamaged, VaultUnopened."""
        seen = _stamp(path)
        document = _load(path)
        kdf, public = kdf_of(path, document), public_of(path, document)
        try:
            key = kdf.key(password[:PASSWORD_LENGTH_MAX])
        except MemoryError:
            raise VaultDamaged(str(path), "its password check needs more memory than there is") from None
        return cls(path, public, _unseal(path, document, key), kdf, key, seen)

    def refresh(self) -> bool:
        """Take up what others wrote meanwhile; was there anything? Raises VaultChanged for another password."""
        seen = _stamp(self.path)
        if seen == self._seen:
            return False
        self._take(_load(self.path))
        self._seen = seen
        return True

    def update(self, change: Callable[[Public], Public]) -> None:
        """Change the public part, starting from what the file says now. Raises VaultChanged, VaultUnwritten."""
        self.change(lambda public, contents: (change(public), contents))

    def change(self, change: Change) -> None:
        """Change anything in it, starting from what the file says now. Raises VaultChanged, VaultUnwritten."""
        with _writing(self.path):
            self._take(_load(self.path))
            self.public, self.contents = change(self.public, self.contents)
            _write(self.path, self._sealed(), replace=True)
            self._seen = _stamp(self.path)

    def rekey(self, password: str, profile: Profile) -> None:
        """The same content under another password and a new salt. Raises PasswordUnfit, VaultChanged, VaultUnwritten.

        Copies of the old file still open with the old password.
        """
        check_password(password)
        kdf = Kdf.fresh(profile)
        key = _derive(self.path, kdf, password)
        with _writing(self.path):
            self._take(_load(self.path))
            self._kdf, self._key = kdf, key
            _write(self.path, self._sealed(), replace=True)
            self._seen = _stamp(self.path)

    def _take(self, document: Document) -> None:
        if kdf_of(self.path, document) != self._kdf:
            raise VaultChanged(str(self.path))
        self.contents = _unseal(self.path, document, self._key)
        self.public = public_of(self.path, document)

    def _sealed(self) -> bytes:
        nonce = os.urandom(NONCE_LENGTH)
        document = head_of(self._kdf, nonce, self.public)
        sealed = ChaCha20Poly1305(self._key).encrypt(nonce, self.contents.plaintext(), canonical(document))
        document["ciphertext"] = base64.b64encode(sealed).decode()
        return json.dumps(document, indent=1).encode() + b"\n"


def read_public(path: Path) -> Public:
    """The public part, not yet authenticated: good for showing, not for deciding. Raises VaultMissing, VaultDamaged."""
    return public_of(path, _load(path))


def check_password(password: str) -> None:
    """Of a vault that is to be written. Raises PasswordUnfit."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise PasswordUnfit(PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX)


def _derive(path: Path, kdf: Kdf, password: str) -> bytes:
    try:
        return kdf.key(password)
    except MemoryError:
        raise VaultUnwritten(str(path), "ENOMEM") from None


def _unseal(path: Path, document: Document, key: bytes) -> Contents:
    nonce = bytes.fromhex(document["cipher"]["nonce"])
    sealed = base64.b64decode(document["ciphertext"])
    try:
        plain = ChaCha20Poly1305(key).decrypt(nonce, sealed, canonical(document))
    except InvalidTag:
        raise VaultUnopened(str(path)) from None
    return read_contents(path, document["version"], plain)


def _load(path: Path) -> Document:
    """The file as an object of exactly its version's shape."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise VaultMissing(str(path)) from None
    except OSError as error:
        raise VaultDamaged(str(path), f"it cannot be read ({_name(error)})") from None
    try:
        return shaped(path, parse(raw, FILE_BYTES_MAX))
    except JsonMalformed as error:
        raise VaultDamaged(str(path), f"it is no JSON of a vault ({error.reason})") from None


def _stamp(path: Path) -> tuple[int, int, int]:
    """Changes with every write, since each puts another file in the place."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _set_aside(path: Path) -> None:
    """A second name for the file that is there: vault.old-1.json and so on."""
    for number in range(1, _ASIDE_MAX):
        with suppress(FileExistsError):
            path.with_name(f"{path.stem}.old-{number}{path.suffix}").hardlink_to(path)
            return
    raise VaultUnwritten(str(path), "EMLINK")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """One writer at a time; the name is durable when this ends; the system's refusals become ours."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.parent / f".{path.name}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise VaultUnwritten(str(path), _name(error)) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        _sync_folder(path.parent)
    except FileExistsError:
        raise VaultExists(str(path)) from None
    except OSError as error:
        raise VaultUnwritten(str(path), _name(error)) from None
    finally:
        os.close(lock)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    """A whole new file under a temporary name, fsynced, then named: who is killed leaves the old file or the new."""
    for left in path.parent.glob(f".{path.name}.*.new"):  # we hold the lock: its writer is dead
        left.unlink(missing_ok=True)
    temporary = path.parent / f".{path.name}.{os.urandom(8).hex()}.new"
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)  # unlike a rename, refuses to take the place of a vault
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "EIO")
