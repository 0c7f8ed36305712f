"""Web3 Secret Storage, version 3: one key in one file under a password of its own, as geth and others keep it.

Read: AES-128-CTR under scrypt or PBKDF2-HMAC-SHA256 of any parameters that the definition allows, r=1 p=8 too, which
RFC 7914 and OpenSSL refuse (N has to be below 2^(16r) there; the definition's own vector is not). Written: scrypt,
N=262144, r=8, p=1. What a file asks for is bounded before any work is done, since the file is somebody else's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import unicodedata
import uuid
from typing import Any

from Crypto.Protocol.KDF import scrypt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from chain.errors import JsonMalformed
from chain.keccak import keccak256
from chain.strict_json import parse
from wallet.errors import KeystoreMalformed, KeystoreUnopened, PasswordUnfit
from wallet.hd import PrivateKey

FILE_BYTES_MAX = 64 * 1024
PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX = 8, 1024
SCRYPT_N, SCRYPT_R, SCRYPT_P = 262144, 8, 1
MEMORY_BYTES_MAX = 1 << 30
WORK_BYTES_MAX = 1 << 32
"""scrypt's memory, and memory times lanes: 16 times what is written here."""
ROUNDS_MAX = 10_000_000
_KEY_LENGTH = 32
_DERIVED = range(32, 129)
_SALT_BYTES_MAX = 1024
_IV_LENGTH = 16
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_Json = dict[str, Any]


def open_keystore(document: str, password: str) -> PrivateKey:
    """The key of a v3 file. Raises KeystoreMalformed before any work, KeystoreUnopened for another password.

    A password is taken as it was typed, then in its NFKC form: programs differ. Keys that were written without their
    leading zeros are read.
    """
    crypto, address = _read(document)
    sealed, mac = _hex(crypto, "ciphertext"), _hex(crypto, "mac")
    if not 0 < len(sealed) <= _KEY_LENGTH:
        raise KeystoreMalformed("ciphertext", "a key has 32 bytes")
    iv = _hex(_object(crypto, "cipherparams"), "iv").rjust(_IV_LENGTH, b"\0")
    if len(iv) != _IV_LENGTH:
        raise KeystoreMalformed("iv", "16 bytes are expected")
    typed = password[:PASSWORD_LENGTH_MAX]
    for attempt in dict.fromkeys((typed, unicodedata.normalize("NFKC", typed))):
        derived = _derived(crypto, attempt.encode())
        if hmac.compare_digest(keccak256(derived[16:32] + sealed), mac):
            return _key(_xor(derived[:16], iv, sealed), address)
    raise KeystoreUnopened()


def make_keystore(key: PrivateKey, password: str) -> str:
    """The file's text. Raises PasswordUnfit."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise PasswordUnfit(PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX)
    salt, iv = os.urandom(32), os.urandom(_IV_LENGTH)
    spelt = unicodedata.normalize("NFKC", password).encode()
    derived = _scrypt(spelt, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, 32)
    sealed = _xor(derived[:16], iv, key.raw)
    crypto = {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": iv.hex()},
        "ciphertext": sealed.hex(),
        "kdf": "scrypt",
        "kdfparams": {"dklen": 32, "n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P, "salt": salt.hex()},
        "mac": keccak256(derived[16:32] + sealed).hex(),
    }
    address = key.address.removeprefix("0x").lower()
    return json.dumps({"address": address, "crypto": crypto, "id": str(uuid.UUID(bytes=os.urandom(16), version=4)),
                       "version": 3})  # fmt: skip


def _read(document: str) -> tuple[_Json, str]:
    """Its `crypto` and the address that it claims, if any. Names are taken in any case, as every reader does."""
    try:
        found = _lower(parse(document.encode(), FILE_BYTES_MAX))
    except JsonMalformed as error:
        raise KeystoreMalformed("file", error.reason) from None
    if not isinstance(found, dict) or found.get("version") != 3 or isinstance(found["version"], bool):
        raise KeystoreMalformed("version", "version 3 is expected")
    crypto = _object(found, "crypto")
    if crypto.get("cipher") != "aes-128-ctr":
        raise KeystoreMalformed("cipher", "aes-128-ctr is expected")
    address = found.get("address", "")
    if not isinstance(address, str):
        raise KeystoreMalformed("address", "hex digits are expected")
    return crypto, address.lower().removeprefix("0x")


def _lower(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    lowered = {name.lower(): _lower(inner) for name, inner in value.items()}
    if len(lowered) != len(value):
        raise KeystoreMalformed("file", "a name stands there twice")
    return lowered


def _derived(crypto: _Json, password: bytes) -> bytes:
    """At least 32 bytes: what encrypts, then what authenticates."""
    given = _object(crypto, "kdfparams")
    salt, length = _hex(given, "salt"), _number(given, "dklen", _DERIVED)
    if len(salt) > _SALT_BYTES_MAX:
        raise KeystoreMalformed("salt", "it is too long")
    if crypto.get("kdf") == "pbkdf2":
        if given.get("prf") != "hmac-sha256":
            raise KeystoreMalformed("prf", "hmac-sha256 is expected")
        rounds = _number(given, "c", range(1, ROUNDS_MAX + 1))
        return hashlib.pbkdf2_hmac("sha256", password, salt, rounds, length)
    if crypto.get("kdf") != "scrypt":
        raise KeystoreMalformed("kdf", "scrypt or pbkdf2 is expected")
    n, r, p = (_number(given, name, range(1, 2**32)) for name in ("n", "r", "p"))
    if n < 2 or n & (n - 1):
        raise KeystoreMalformed("n", "a power of two is expected")
    if 128 * n * r > MEMORY_BYTES_MAX or 128 * n * r * p > WORK_BYTES_MAX or 128 * r * p > MEMORY_BYTES_MAX:
        raise KeystoreMalformed("kdfparams", "they ask for more memory or work than is given")
    return _scrypt(password, salt, n, r, p, length)


def _scrypt(password: bytes, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    """pycryptodome's, the one that takes N of 2^(16r) and more; its texts are bytes as Latin-1 spells them."""
    try:
        derived = scrypt(password.decode("latin-1"), salt.decode("latin-1"), length, N=n, r=r, p=p)
    except (MemoryError, ValueError):  # it words a failed allocation as the latter
        raise KeystoreMalformed("kdfparams", "they ask for more memory or work than is given") from None
    assert isinstance(derived, bytes)
    return derived


def _xor(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-128-CTR, which is its own inverse."""
    stream = Cipher(AES(key), CTR(iv)).encryptor()
    return stream.update(data) + stream.finalize()


def _key(raw: bytes, address: str) -> PrivateKey:
    if not 0 < int.from_bytes(raw, "big") < _ORDER:
        raise KeystoreMalformed("ciphertext", "what it holds is no key")
    key = PrivateKey(raw.rjust(_KEY_LENGTH, b"\0"))
    if address and key.address.removeprefix("0x").lower() != address:
        raise KeystoreMalformed("address", "it is not the address of the key inside")
    return key


def _object(document: _Json, name: str) -> _Json:
    value = document.get(name)
    if not isinstance(value, dict):
        raise KeystoreMalformed(name, "an object is expected")
    return value


def _hex(document: _Json, name: str) -> bytes:
    value = document.get(name)
    try:
        return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else _no_hex(name)
    except ValueError:
        return _no_hex(name)


def _no_hex(name: str) -> bytes:
    raise KeystoreMalformed(name, "hex digits are expected")


def _number(document: _Json, name: str, bounds: range) -> int:
    value = document.get(name)
    if type(value) is not int or value not in bounds:
        raise KeystoreMalformed(name, f"{bounds.start} to {bounds.stop - 1} is expected")
    return value
