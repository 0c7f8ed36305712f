"""An officer's key file: a secp256k1 key under a password. Made and used by the officer, never on the server.

The serving program does not import this room (a test holds that). Argon2id (RFC 9106), then ChaCha20-Poly1305 over the
key with the whole header as associated data; parameters are checked against both bounds before any work is done.
"""

from __future__ import annotations

import json
import os
import secrets
import unicodedata
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from api.errors import OfficerKeyRefused
from api.operator_key import SigningKey
from fiat.signature import address_of

KIND = "tandem-officer-key-1"
MEMORY_KIB, PASSES, LANES = 65_536, 3, 4
MEMORY_KIB_MIN, MEMORY_KIB_MAX = 19 * 1024, 1024 * 1024
PASSWORD_LENGTH_MIN = 8
_FILE_BYTES_MAX = 4096


def make(path: Path, password: str) -> bytes:
    """Write a new key to a new file of mode 0600; its address (20 bytes). Raises OfficerKeyRefused, FileExistsError."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise OfficerKeyRefused("password_too_short")
    key = PrivateKey(secrets.token_bytes(32))
    address = address_of(key.public_key)
    salt, nonce = os.urandom(16), os.urandom(12)
    header = {
        "kind": KIND,
        "address": "0x" + address.hex(),
        "memory_kib": MEMORY_KIB,
        "passes": PASSES,
        "lanes": LANES,
        "salt": salt.hex(),
        "nonce": nonce.hex(),
    }
    sealed = ChaCha20Poly1305(_derived(header, password)).encrypt(nonce, key.secret, _bound(header))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(json.dumps(header | {"sealed": sealed.hex()}, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return address


def load(path: Path, password: str) -> SigningKey:
    """Open a key file. Raises OfficerKeyRefused: others may read it, it is none, or the password is another."""
    if path.stat().st_mode & 0o077:
        raise OfficerKeyRefused("others_may_read_it")
    try:
        document: dict[str, Any] = json.loads(path.read_bytes()[:_FILE_BYTES_MAX])
        sealed = bytes.fromhex(document.pop("sealed"))
        nonce = bytes.fromhex(document["nonce"])
        sound = document["kind"] == KIND and _in_bounds(document)
    except (ValueError, KeyError, AttributeError, TypeError):
        raise OfficerKeyRefused("no_key_file") from None
    if not sound:
        raise OfficerKeyRefused("no_key_file")
    try:
        secret = ChaCha20Poly1305(_derived(document, password)).decrypt(nonce, sealed, _bound(document))
    except (InvalidTag, ValueError):
        raise OfficerKeyRefused("wrong_password") from None
    except (KeyError, TypeError):
        raise OfficerKeyRefused("no_key_file") from None
    key = SigningKey(PrivateKey(secret))
    if "0x" + key.address.hex() != document.get("address"):
        raise OfficerKeyRefused("no_key_file")
    return key


def _in_bounds(header: dict[str, Any]) -> bool:
    numbers = [header["memory_kib"], header["passes"], header["lanes"]]
    if any(type(number) is not int for number in numbers):
        return False
    memory_kib, passes, lanes = numbers
    return bool(MEMORY_KIB_MIN <= memory_kib <= MEMORY_KIB_MAX and 1 <= passes <= 16 and 1 <= lanes <= 16)


def _derived(header: dict[str, Any], password: str) -> bytes:
    argon2 = Argon2id(
        salt=bytes.fromhex(header["salt"]),
        length=32,
        iterations=header["passes"],
        lanes=header["lanes"],
        memory_cost=header["memory_kib"],
    )
    return argon2.derive(unicodedata.normalize("NFKC", password).encode())


def _bound(header: dict[str, Any]) -> bytes:
    """The header as it is bound to the ciphertext."""
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
