"""The treasury: a process of its own, the only one that ever holds the key of the operator's hot wallet.

`python -I -m chain.treasury serve DESCRIPTOR FOLDER` answers frames on an inherited socket pair, one at a time, with
blocking reads, and ends when its parent is gone. `... init FOLDER` makes the folder: a Web3 Secret Storage v3 keystore,
its password in a file beside it, and the caps; all of mode 0600. What it may sign says treasury_rules; each payment is
written down and synced before it is signed, so that a cap and a number outlive a kill.

A frame is four bytes of length (big-endian) and that many bytes of JSON: `{"call": "address"}`, or `{"call": "sign",
"id": ..., "payload": unsigned transaction}`; an answer is `{"ok": {...}}` or `{"error": reason, "nonce": number}`.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

# A part of eth-account, which itself is slow to import.
from eth_keyfile.keyfile import create_keyfile_json, decode_keyfile_json

from chain.address import Address
from chain.errors import ChainError, JsonMalformed, TransactionMalformed, TreasuryRefused
from chain.keccak import keccak256
from chain.strict_json import parse
from chain.transaction import SignedTransaction, TransactionRequest
from chain.treasury_rules import Caps, Payment, Signed, admit

KEYSTORE, PASSWORD, CAPS, SIGNED, LOCK = "keystore.json", "password", "caps.json", "signed.jsonl", "lock"
FRAME_BYTES_MAX = 1 << 16
_FILE_BYTES_MAX = 1 << 26
_DEVNET = 31337
_SCRYPT_COST, _SCRYPT_COST_DEVNET = 1 << 17, 1 << 10
"""A test chain's treasury holds made-up money, and starts a hundred times a day."""
_PR_SET_DUMPABLE = 4


class Treasury:
    """The key, what it may sign, and what it has signed. Its repr is `***`.

    One process at a time has a folder: what was signed is known to it alone. Raises BlockingIOError for a second one.
    """

    __slots__ = ("_caps", "_folder", "_key", "_lock", "_signed", "address")

    def __init__(self, folder: Path) -> None:
        self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        keystore = _object(folder / KEYSTORE)
        password = _private(folder / PASSWORD).strip()
        self._key = PrivateKey(decode_keyfile_json(keystore, password))
        self._folder, self._caps = folder, _caps(_object(folder / CAPS))
        self._signed = Signed.of(_payments(folder / SIGNED))
        self.address = _address(self._key)

    def __repr__(self) -> str:
        return "Treasury(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a treasury is not copied or stored this way")

    def sign(self, payment_id: str, payload: bytes, now: int) -> SignedTransaction:
        """Raises TreasuryRefused, TransactionMalformed. `now` in Unix seconds."""
        request = TransactionRequest.decode(payload)
        payment = admit(payment_id, request, self._caps, self._signed, now)
        if payment is not None:
            _append(self._folder / SIGNED, payment)
            self._signed.add(payment)
        signature = self._key.sign_recoverable(request.signing_hash, hasher=None)
        return SignedTransaction.join(request.with_sender(self.address), signature)


def make(folder: Path, caps: Caps) -> Address:
    """A new treasury in a new folder. Its address; the key stays in the keystore."""
    folder.mkdir(mode=0o700, parents=True)
    key, password = PrivateKey(os.urandom(32)), secrets.token_urlsafe(32)
    cost = _SCRYPT_COST_DEVNET if caps.chain_id == _DEVNET else _SCRYPT_COST
    keystore = create_keyfile_json(key.secret, password.encode(), kdf="scrypt", iterations=cost)
    document = {"chain_id": caps.chain_id, "fee_wei": str(caps.fee_wei)}
    assets = {name: str(units) for name, units in caps.assets.items()}
    for name, text in (
        (PASSWORD, password),
        (CAPS, json.dumps({**document, "assets": assets}, indent=2)),
        (KEYSTORE, json.dumps(keystore)),
    ):
        _write(folder / name, text + "\n")
    return _address(key)


def serve(descriptor: int, folder: Path) -> None:
    """Answer until the other end is gone."""
    treasury = Treasury(folder)
    while (frame := _receive(descriptor)) is not None:
        _send(descriptor, _answer(treasury, frame))


def _answer(treasury: Treasury, frame: dict[str, Any]) -> dict[str, Any]:
    try:
        match frame:
            case {"call": "address"}:
                return {"ok": {"address": treasury.address}}
            case {"call": "sign", "id": str() as payment_id, "payload": str() as payload}:
                signed = treasury.sign(payment_id, bytes.fromhex(payload), int(time.time()))
                return {"ok": {"raw": signed.raw.hex()}}
        return {"error": "call", "nonce": 0}
    except TreasuryRefused as refused:
        return {"error": refused.reason, "nonce": refused.nonce}
    except (TransactionMalformed, ValueError):
        return {"error": "payload", "nonce": 0}


def _address(key: PrivateKey) -> Address:
    return Address.from_bytes(keccak256(key.public_key.format(compressed=False)[1:])[12:])


def _caps(document: dict[str, Any]) -> Caps:
    try:
        assets = {str(name): int(units) for name, units in document["assets"].items()}
        return Caps(int(document["chain_id"]), assets, int(document["fee_wei"]))
    except (KeyError, ValueError, TypeError, AttributeError):
        raise JsonMalformed(f"{CAPS} names chain_id, fee_wei and assets") from None


def _payments(path: Path) -> Iterator[Payment]:
    """What was signed. A last line that a kill cut short was never acted on: the signature came after its sync."""
    text = _private(path).decode() if path.exists() else ""
    for line in text.splitlines(keepends=True):
        if line.endswith("\n"):
            yield Payment(**json.loads(line))


def _append(path: Path, payment: Payment) -> None:
    """Synced before this returns; a line cut short by an earlier kill is cut off first."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        whole = file.read().rfind(b"\n") + 1
        file.seek(whole)
        file.truncate()
        file.write(json.dumps(asdict(payment), separators=(",", ":")).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _private(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path} may be read by its owner only (mode 0600)")
    return path.read_bytes()


def _object(path: Path) -> dict[str, Any]:
    document = parse(_private(path), _FILE_BYTES_MAX)
    if not isinstance(document, dict):
        raise JsonMalformed(f"{path.name} is one JSON object")
    return document


def _write(path: Path, text: str) -> None:
    """A new file, complete and synced under another name first."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _receive(descriptor: int) -> dict[str, Any] | None:
    prefix = _exactly(descriptor, 4)
    length = int.from_bytes(prefix or b"", "big")
    body = _exactly(descriptor, length) if prefix and 0 < length <= FRAME_BYTES_MAX else None
    if body is None:
        return None
    frame = parse(body, FRAME_BYTES_MAX)
    return frame if isinstance(frame, dict) else {}


def _exactly(descriptor: int, length: int) -> bytes | None:
    found = b""
    while len(found) < length:
        if not (part := os.read(descriptor, length - len(found))):
            return None
        found += part
    return found


def _send(descriptor: int, frame: dict[str, Any]) -> None:
    body = json.dumps(frame, separators=(",", ":")).encode()
    rest = memoryview(len(body).to_bytes(4, "big") + body)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _close_off() -> None:
    """No core file, and nobody of the same user looks into this process, where the system can say so."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def main(arguments: list[str]) -> int:
    """0 done; 1 with a word on stderr."""
    _close_off()
    try:
        match arguments:
            case ["serve", descriptor, folder]:
                serve(int(descriptor), Path(folder))
            case ["init", folder]:
                caps = parse(sys.stdin.buffer.read(FRAME_BYTES_MAX), FRAME_BYTES_MAX)
                address = make(Path(folder), _caps(caps if isinstance(caps, dict) else {}))
                sys.stdout.write(f"{address}\n")
            case _:
                return 2
    except BrokenPipeError:
        return 0
    except (OSError, ValueError, ChainError) as error:
        # Never the error's own words: a library's might carry what it was given.
        sys.stderr.write(f"treasury: {type(error).__name__}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
