"""What a vault holds and how its file spells it, versions 1 to 3. Values and documents; no file.

Version 1 has one phrase and its accounts. Version 2 has several phrases, imported keys, and accounts with names, each
of which says which phrase and path its key comes from, or that its key is an imported one. Version 3 has a policy
beside them, or null. All are read, 3 is written: an older program, which would not keep to a policy, does not open it.
"""

from __future__ import annotations

import base64
import json
import os
import unicodedata
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from chain.address import Address
from chain.errors import AddressMalformed
from wallet.errors import InputMalformed, VaultDamaged
from wallet.hd import ACCOUNTS_MAX, DerivationPath
from wallet.mnemonic import Language, Mnemonic, Seed
from wallet.names import read_name
from wallet.policy import Policy, read_policy

FORMAT = "tandem-vault"
VERSION = 3
VERSIONS = (1, 2, 3)
PHRASES_MAX, KEYS_MAX = 16, 200
SALT_LENGTH, NONCE_LENGTH = 16, 12
_PADDED_TO = 1024
_MEMORY_KIB = range(19 * 1024, 1024 * 1024 + 1)
_PASSES = range(2, 11)
_LANES = range(1, 17)
_SEED_LENGTHS = range(16, 65, 2)

Document = dict[str, Any]


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
        return cls(memory_kib, passes, lanes, os.urandom(SALT_LENGTH))

    def key(self, password: str) -> bytes:
        """32 bytes. The password is taken in its NFKC form, so that it is the same from every keyboard."""
        argon2 = Argon2id(
            salt=self.salt, length=32, iterations=self.passes, lanes=self.lanes, memory_cost=self.memory_kib
        )
        return argon2.derive(unicodedata.normalize("NFKC", password).encode())


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """A chain account. `phrase` counts from 0; without one the key was imported, and there is no path."""

    path: str
    address: Address
    phrase: int | None = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Public:
    """What the file tells without a password: addresses, whether the first phrase was proved to be written down, and
    the person's policy."""

    root: Address
    accounts: tuple[AccountEntry, ...]
    backed_up: bool
    policy: Policy | None = None


@dataclass(frozen=True, slots=True, repr=False)
class KeptPhrase:
    """Words with their passphrase (BIP-39)."""

    mnemonic: Mnemonic
    passphrase: str = field(default="", repr=False)

    def __repr__(self) -> str:
        return "KeptPhrase(***)"

    def seed(self) -> Seed:
        return self.mnemonic.seed(self.passphrase)

    def to_json(self) -> Document:
        mnemonic = self.mnemonic
        return {
            "entropy": mnemonic.entropy.hex(),
            "language": mnemonic.language.value,
            "passphrase": self.passphrase,
        }


@dataclass(frozen=True, slots=True, repr=False)
class KeptSecret:
    """The master secret of SLIP-39 shares, which is a seed by itself and has no words."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) not in _SEED_LENGTHS:
            raise ValueError("a master secret has 16 to 64 bytes")

    def __repr__(self) -> str:
        return "KeptSecret(***)"

    def seed(self) -> Seed:
        return Seed(self.raw)

    def to_json(self) -> Document:
        return {"secret": self.raw.hex()}


Kept = KeptPhrase | KeptSecret


@dataclass(frozen=True, slots=True, repr=False)
class Contents:
    """What the password protects: phrases, the first of which has the ledger's root key, and imported keys."""

    phrases: tuple[Kept, ...]
    keys: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, mnemonic: Mnemonic, passphrase: str = "") -> Contents:
        """One phrase, as a new vault has it."""
        return cls((KeptPhrase(mnemonic, passphrase),))

    def __repr__(self) -> str:
        return "Contents(***)"

    @property
    def words(self) -> Mnemonic | None:
        """The first phrase's, where it has words."""
        first = self.phrases[0]
        return first.mnemonic if isinstance(first, KeptPhrase) else None

    def plaintext(self) -> bytes:
        """JSON, padded with spaces so that the file's length does not tell the phrase's."""
        secret = {"phrases": [one.to_json() for one in self.phrases], "keys": [key.hex() for key in self.keys]}
        text = json.dumps(secret).encode()
        return text.ljust(-(-len(text) // _PADDED_TO) * _PADDED_TO)


def read_contents(path: Path, version: int, plaintext: bytes) -> Contents:
    """Of what was sealed. Raises VaultDamaged for what only a later version of this program can have written."""
    try:
        secret = json.loads(plaintext)
        phrases = tuple(read_kept(one) for one in secret["phrases"])
        keys = tuple(bytes.fromhex(key) for key in secret["keys"])
    except (ValueError, KeyError, TypeError):
        raise VaultDamaged(str(path), "it was written by a later version of this program") from None
    fits = 0 < len(phrases) <= PHRASES_MAX and len(keys) <= KEYS_MAX and all(len(key) == 32 for key in keys)
    if set(secret) != {"phrases", "keys"} or not fits or (version == 1 and (len(phrases), len(keys)) != (1, 0)):
        raise VaultDamaged(str(path), "it was written by a later version of this program")
    return Contents(phrases, keys)


def read_kept(one: Document) -> Kept:
    """Raises ValueError, KeyError, TypeError."""
    if set(one) == {"secret"}:
        return KeptSecret(bytes.fromhex(one["secret"]))
    if set(one) != {"entropy", "language", "passphrase"}:
        raise ValueError("phrase")
    return KeptPhrase(Mnemonic(bytes.fromhex(one["entropy"]), Language(one["language"])), str(one["passphrase"]))


def head_of(kdf: Kdf, nonce: bytes, public: Public) -> Document:
    """The whole file but its ciphertext, which it authenticates."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "kdf": {**asdict(kdf), "name": "argon2id", "salt": kdf.salt.hex()},
        "cipher": {"name": "chacha20-poly1305", "nonce": nonce.hex()},
        "root": public.root,
        "accounts": [asdict(entry) for entry in public.accounts],
        "backed_up": public.backed_up,
        "policy": public.policy.to_json() if public.policy else None,
    }


def canonical(document: Document) -> bytes:
    """The associated data: everything but the ciphertext."""
    rest = {name: value for name, value in document.items() if name != "ciphertext"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def shaped(path: Path, document: Any) -> Document:
    """The document, of exactly a known version's members. Raises VaultDamaged."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise VaultDamaged(str(path), "it is no vault")
    if document.get("version") not in VERSIONS or isinstance(document["version"], bool):
        raise VaultDamaged(str(path), "its version is not known to this program")
    names = {"format", "version", "kdf", "cipher", "root", "accounts", "backed_up", "ciphertext"}
    names |= {"policy"} if document["version"] > 2 else set()
    if set(document) != names or not isinstance(document["backed_up"], bool):
        raise VaultDamaged(str(path), "its parts are not those of its version")
    cipher = document["cipher"]
    if not _is_object(cipher, {"name", "nonce"}) or cipher["name"] != "chacha20-poly1305":
        raise VaultDamaged(str(path), "its cipher is not its version's")
    if not _is_hex(cipher["nonce"], NONCE_LENGTH):
        raise VaultDamaged(str(path), "its nonce is malformed")
    try:
        base64.b64decode(document["ciphertext"], validate=True)
    except (TypeError, ValueError):
        raise VaultDamaged(str(path), "its ciphertext is malformed") from None
    return document


def kdf_of(path: Path, document: Document) -> Kdf:
    """Raises VaultDamaged for parameters too weak to protect or too heavy to be meant."""
    kdf = document["kdf"]
    if not _is_object(kdf, {"name", "memory_kib", "passes", "lanes", "salt"}) or kdf["name"] != "argon2id":
        raise VaultDamaged(str(path), "its key derivation is not its version's")
    for name, bounds in (("memory_kib", _MEMORY_KIB), ("passes", _PASSES), ("lanes", _LANES)):
        if type(kdf[name]) is not int or kdf[name] not in bounds:
            raise VaultDamaged(str(path), f"its {name} is not within {bounds.start} and {bounds.stop - 1}")
    if not _is_hex(kdf["salt"], SALT_LENGTH):
        raise VaultDamaged(str(path), "its salt is malformed")
    return Kdf(kdf["memory_kib"], kdf["passes"], kdf["lanes"], bytes.fromhex(kdf["salt"]))


def public_of(path: Path, document: Document) -> Public:
    """Raises VaultDamaged."""
    entries = document["accounts"]
    if not isinstance(entries, list) or not 0 < len(entries) <= ACCOUNTS_MAX:
        raise VaultDamaged(str(path), "its list of accounts is malformed")
    read = _account_1 if document["version"] == 1 else read_account
    try:
        accounts = tuple(read(entry) for entry in entries)
        policy = None if document.get("policy") is None else read_policy(document["policy"])
        return Public(Address(document["root"]), accounts, document["backed_up"], policy)
    except (AddressMalformed, InputMalformed, TypeError, ValueError):
        raise VaultDamaged(str(path), "an address, path or rule in it is malformed") from None


def _account_1(entry: Any) -> AccountEntry:
    if not _is_object(entry, {"path", "address"}):
        raise ValueError("account")
    return AccountEntry(DerivationPath(entry["path"]).text, Address(entry["address"]))


def read_account(entry: Any) -> AccountEntry:
    """Raises AddressMalformed, InputMalformed, TypeError, ValueError."""
    if not _is_object(entry, {"path", "address", "phrase", "name"}):
        raise ValueError("account")
    phrase, path, name = entry["phrase"], entry["path"], entry["name"]
    if phrase is None and path == "":
        return AccountEntry("", Address(entry["address"]), None, name and read_name(name))
    if type(phrase) is not int or not 0 <= phrase < PHRASES_MAX:
        raise ValueError("phrase")
    return AccountEntry(DerivationPath(path).text, Address(entry["address"]), phrase, name and read_name(name))


def _is_object(value: Any, names: set[str]) -> bool:
    return isinstance(value, dict) and set(value) == names


def _is_hex(value: Any, length: int) -> bool:
    return isinstance(value, str) and len(value) == 2 * length and not set(value) - set("0123456789abcdef")
