"""The vault: one file, readable by nobody without the password, never half written.

Version 1 is a JSON object. `ciphertext` is ChaCha20-Poly1305 over the secret part; everything else in the file (what
`Public` holds, the parameters, the version) is its associated data, so a changed header opens as badly as a wrong
password and nothing tells the two apart. The key is Argon2id of the password. Parameters are checked against both
bounds before any work is done. The public part can be read without a password, and is trusted only after one.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import json
import os
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from chain.address import Address
from chain.errors import AddressMalformed, JsonMalformed
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
from wallet.hd import ACCOUNTS_MAX, DerivationPath
from wallet.mnemonic import Language, Mnemonic

FORMAT = "tandem-vault"
VERSION = 1
FILE_BYTES_MAX = 1 << 20
PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX = 8, 1024
_PADDED_TO = 1024
_MEMORY_KIB = range(19 * 1024, 1024 * 1024 + 1)
_PASSES = range(2, 11)
_LANES = range(1, 17)
_SALT_LENGTH, _NONCE_LENGTH = 16, 12


class Profile(StrEnum):
    """How much work a password check is. LIGHT is OWASP's minimum, for small machines and tests."""

    STANDARD = "standard"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Kdf:
    """Argon2id (RFC 9106) with its salt."""

    memory_kib: int
    passes: int
    lanes: int
    salt: bytes

    @classmethod
    def fresh(cls, profile: Profile) -> Kdf:
        memory_kib, passes, lanes = (256 * 1024, 3, 4) if profile is Profile.STANDARD else (19 * 1024, 2, 1)
        return cls(memory_kib, passes, lanes, os.urandom(_SALT_LENGTH))

    def key(self, password: str) -> bytes:
        """32 bytes. The password is taken in its NFKC form, so that it is the same from every keyboard."""
        argon2 = Argon2id(
            salt=self.salt, length=32, iterations=self.passes, lanes=self.lanes, memory_cost=self.memory_kib
        )
        return argon2.derive(unicodedata.normalize("NFKC", password).encode())


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """A chain account: its path and the address that the path gives."""

    path: str
    address: Address


@dataclass(frozen=True, slots=True)
class Public:
    """What the file tells without a password: addresses, and whether the phrase was proved to be written down."""

    root: Address
    accounts: tuple[AccountEntry, ...]
    backed_up: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """What the password protects. The file has room for more phrases and for imported keys; so far it is one phrase."""

    mnemonic: Mnemonic
    passphrase: str = field(default="", repr=False)


@dataclass(slots=True)
class Vault:
    """An open vault. Holds the file's key so that the public part can change without asking for the password again."""

    path: Path
    public: Public
    contents: Contents
    _kdf: Kdf
    _key: bytes = field(repr=False)

    @classmethod
    def create(cls, path: Path, password: str, contents: Contents, public: Public, profile: Profile) -> Vault:
        """Write a new vault, mode 0600. Raises PasswordUnfit, VaultExists, VaultUnwritten."""
        if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
            raise PasswordUnfit(PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX)
        if path.exists():
            raise VaultExists(str(path))
        kdf = Kdf.fresh(profile)
        try:
            vault = cls(path, public, contents, kdf, kdf.key(password))
        except MemoryError:
            raise VaultUnwritten(str(path), "ENOMEM") from None
        with _writing(path):
            _write(path, vault._sealed(), replace=False)
        return vault

    @classmethod
    def open(cls, path: Path, password: str) -> Vault:
        """Raises VaultMissing, VaultDamaged, VaultUnopened."""
        document = _load(path)
        kdf, public = _kdf(path, document), _public(path, document)
        try:
            key = kdf.key(password[:PASSWORD_LENGTH_MAX])
        except MemoryError:
            raise VaultDamaged(str(path), "its password check needs more memory than there is") from None
        return cls(path, public, _unseal(path, document, key), kdf, key)

    def update(self, change: Callable[[Public], Public]) -> None:
        """Change the public part, starting from what the file says now. Raises VaultChanged, VaultUnwritten."""
        with _writing(self.path):
            document = _load(self.path)
            if _kdf(self.path, document) != self._kdf:
                raise VaultChanged(str(self.path))
            self.contents = _unseal(self.path, document, self._key)
            self.public = change(_public(self.path, document))
            _write(self.path, self._sealed(), replace=True)

    def _sealed(self) -> bytes:
        nonce = os.urandom(_NONCE_LENGTH)
        document: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "kdf": {**asdict(self._kdf), "name": "argon2id", "salt": self._kdf.salt.hex()},
            "cipher": {"name": "chacha20-poly1305", "nonce": nonce.hex()},
            **asdict(self.public),
        }
        sealed = ChaCha20Poly1305(self._key).encrypt(nonce, _plaintext(self.contents), _canonical(document))
        document["ciphertext"] = base64.b64encode(sealed).decode()
        return json.dumps(document, indent=1).encode() + b"\n"


def read_public(path: Path) -> Public:
    """The public part, not yet authenticated: good for showing, not for deciding. Raises VaultMissing, VaultDamaged."""
    return _public(path, _load(path))


def _canonical(document: dict[str, Any]) -> bytes:
    rest = {name: value for name, value in document.items() if name != "ciphertext"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _plaintext(contents: Contents) -> bytes:
    """JSON, padded with spaces so that the file's length does not tell the phrase's."""
    mnemonic = contents.mnemonic
    phrase = {
        "entropy": mnemonic.entropy.hex(),
        "language": mnemonic.language.value,
        "passphrase": contents.passphrase,
    }
    text = json.dumps({"phrases": [phrase], "keys": []}).encode()
    return text.ljust(-(-len(text) // _PADDED_TO) * _PADDED_TO)


def _unseal(path: Path, document: dict[str, Any], key: bytes) -> Contents:
    nonce = bytes.fromhex(document["cipher"]["nonce"])
    sealed = base64.b64decode(document["ciphertext"])
    try:
        plain = ChaCha20Poly1305(key).decrypt(nonce, sealed, _canonical(document))
    except InvalidTag:
        raise VaultUnopened(str(path)) from None
    secret = json.loads(plain)
    if set(secret) != {"phrases", "keys"} or len(secret["phrases"]) != 1 or secret["keys"]:
        raise VaultDamaged(str(path), "it was written by a later version of this program")
    phrase = secret["phrases"][0]
    mnemonic = Mnemonic(bytes.fromhex(phrase["entropy"]), Language(phrase["language"]))
    return Contents(mnemonic, phrase["passphrase"])


def _load(path: Path) -> dict[str, Any]:
    """The file as an object of exactly version 1's shape."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise VaultMissing(str(path)) from None
    except OSError as error:
        raise VaultDamaged(str(path), f"it cannot be read ({_name(error)})") from None
    try:
        return _shaped(path, parse(raw, FILE_BYTES_MAX))
    except JsonMalformed as error:
        raise VaultDamaged(str(path), f"it is no JSON of a vault ({error.reason})") from None


def _shaped(path: Path, document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise VaultDamaged(str(path), "it is no vault")
    if document.get("version") != VERSION or isinstance(document["version"], bool):
        raise VaultDamaged(str(path), "its version is not known to this program")
    names = {"format", "version", "kdf", "cipher", "root", "accounts", "backed_up", "ciphertext"}
    if set(document) != names or not isinstance(document["backed_up"], bool):
        raise VaultDamaged(str(path), "its parts are not those of version 1")
    cipher = document["cipher"]
    if not _is_object(cipher, {"name", "nonce"}) or cipher["name"] != "chacha20-poly1305":
        raise VaultDamaged(str(path), "its cipher is not version 1's")
    if not _is_hex(cipher["nonce"], _NONCE_LENGTH):
        raise VaultDamaged(str(path), "its nonce is malformed")
    try:
        base64.b64decode(document["ciphertext"], validate=True)
    except (TypeError, ValueError):
        raise VaultDamaged(str(path), "its ciphertext is malformed") from None
    return document


def _kdf(path: Path, document: dict[str, Any]) -> Kdf:
    """Raises VaultDamaged for parameters too weak to protect or too heavy to be meant."""
    kdf = document["kdf"]
    if not _is_object(kdf, {"name", "memory_kib", "passes", "lanes", "salt"}) or kdf["name"] != "argon2id":
        raise VaultDamaged(str(path), "its key derivation is not version 1's")
    for name, bounds in (("memory_kib", _MEMORY_KIB), ("passes", _PASSES), ("lanes", _LANES)):
        if type(kdf[name]) is not int or kdf[name] not in bounds:
            raise VaultDamaged(str(path), f"its {name} is not within {bounds.start} and {bounds.stop - 1}")
    if not _is_hex(kdf["salt"], _SALT_LENGTH):
        raise VaultDamaged(str(path), "its salt is malformed")
    return Kdf(kdf["memory_kib"], kdf["passes"], kdf["lanes"], bytes.fromhex(kdf["salt"]))


def _public(path: Path, document: dict[str, Any]) -> Public:
    entries = document["accounts"]
    if not isinstance(entries, list) or not 0 < len(entries) <= ACCOUNTS_MAX:
        raise VaultDamaged(str(path), "its list of accounts is malformed")
    try:
        accounts = tuple(_account(entry) for entry in entries)
        return Public(Address(document["root"]), accounts, document["backed_up"])
    except (AddressMalformed, TypeError, ValueError):
        raise VaultDamaged(str(path), "an address or path in it is malformed") from None


def _account(entry: Any) -> AccountEntry:
    if not _is_object(entry, {"path", "address"}):
        raise ValueError("account")
    return AccountEntry(DerivationPath(entry["path"]).text, Address(entry["address"]))


def _is_object(value: Any, names: set[str]) -> bool:
    return isinstance(value, dict) and set(value) == names


def _is_hex(value: Any, length: int) -> bool:
    return isinstance(value, str) and len(value) == 2 * length and not set(value) - set("0123456789abcdef")


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
