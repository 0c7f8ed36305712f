"""The signer: a process of its own, the only one that ever holds a key.

`python -I -m wallet.signer DESCRIPTOR IDLE_SECONDS VAULT` answers frames on an inherited socket pair, one at a time,
with blocking reads. It ends when told to lock, when its parent is gone, or when no key was used for the idle time;
ending is how it forgets, since nothing in Python can be wiped. It decodes by itself what it signs, and signs only if
the digest is the one that the caller says a person reviewed.

What keeps keys, and what of it crosses the pipe, is in wallet.keeper and those that build on it; whether the person's
policy lets a signature be made is in wallet.guard; here is what signs.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from coincurve import PublicKey

from chain.delegation import Delegation
from chain.errors import TransactionMalformed
from chain.transaction import SignedTransaction, TransactionRequest
from wallet.errors import CallRefused, DigestDiffers, KeyUnfit, SignerUnsafe, WalletError
from wallet.frames import Frame, failure, receive, send
from wallet.guard import GUARDING, Guard
from wallet.guard_claims import MESSAGE, TRANSACTION, TYPED, Item
from wallet.hd import PrivateKey
from wallet.sandbox import close_off, keep_out_of_dumps
from wallet.signable import (
    KeyKind,
    Signable,
    read_delegation,
    read_message,
    read_order,
    read_sign_in,
    read_transaction,
    read_typed_data,
)
from wallet.signable_values import is_typed_values, read_typed_values

IDLE_SECONDS_MAX = 15 * 60
_KNOWN_KEY, _KNOWN_DIGEST = b"\x42" * 32, b"\x24" * 32
_KNOWN_SIGNATURE = bytes.fromhex(
    "1da4c975c0748776fcb2469dc0eb282bb38e2d051f3c7d82be8587733b2fa4e21e"
    "11ffe09a4bf86aff74cb6b9346ce0338c09d301414e8fa233ab1200e7a61161b"
)
"""What every library that follows RFC 6979 makes of them."""
_SLICE_MS = 10_000


@dataclass(slots=True)
class Signer(Guard):
    """Keeps the keys, and signs with them what it decoded itself."""

    def sign_transaction(self, payload: str, account: str, digest: str) -> Frame:
        """An unsigned transaction, hex. Answers the raw signed transaction, its hash, and the facts."""
        raw = _bytes("sign_transaction", payload)
        signable = read_transaction(raw)
        with self._key_for(signable, account, digest, Item(TRANSACTION, raw, digest)) as key:
            request = TransactionRequest.decode(raw).with_sender(key.address)
            try:
                signed = SignedTransaction.join(request, key.sign(signable.digest))
            except TransactionMalformed:  # recovered from these very bytes, the signature is another's: a fault
                raise SignerUnsafe("another transaction was signed") from None
        return {"raw": "0x" + signed.raw.hex(), "hash": signed.hash_hex, "facts": signable.facts}

    def sign_delegation(self, payload: str, account: str, digest: str) -> Frame:
        """`Delegation.payload`, hex: the account authorizes, the payer that is named in it signs the transaction.

        The one call that signs an authorization (EIP-7702). Answers the raw signed transaction, and the facts.
        """
        raw = _bytes("sign_delegation", payload)
        signable = read_delegation(raw)
        with self._key_for(signable, account, digest, None) as key:  # no rule speaks of it
            asked = Delegation.decode(raw)
            kind, payer = self.open().key_of(asked.frame.sender or "")
            if kind is not KeyKind.ACCOUNT:
                raise KeyUnfit(kind.value, signable.kind)
            authorization = key.sign(asked.authorization_hash)
            signed = asked.join(authorization, payer.sign(asked.signing_hash(authorization)))
        return {"raw": "0x" + signed.raw.hex(), "hash": signed.hash_hex, "facts": signable.facts}

    def sign_in(self, text: str, account: str, digest: str) -> Frame:
        """An EIP-4361 text, for the account or root key that it names. Answers the 65-byte signature.

        Under a policy the password is wanted, but for the server that the policy names.
        """
        signable = read_sign_in(text)
        policy = self.open().vault.public.policy
        is_known = policy is not None and signable.facts["domain"] == policy.server
        with self._key_for(signable, account, digest, None, is_free=is_known) as key:
            return _signed(signable, key)

    def sign_order(self, kind: str, ledger: str, order: dict[str, str], account: str, digest: str) -> Frame:
        """A type of fiat.order, by name and fields. Answers the 65-byte signature.

        No rule speaks of the ledger, which has limits of its own: under a policy the password is wanted.
        """
        signable = read_order(kind, _bytes("sign_order", ledger), order)
        with self._key_for(signable, account, digest, None) as key:
            return _signed(signable, key)

    def sign_message(self, data: str, account: str, digest: str) -> Frame:
        """Bytes as personal_sign takes them, hex, for a chain account. Answers the 65-byte signature."""
        raw = _bytes("sign_message", data)
        signable = read_message(raw)
        with self._key_for(signable, account, digest, Item(MESSAGE, raw, digest)) as key:
            return _signed(signable, key)

    def sign_typed_data(self, document: str, account: str, digest: str) -> Frame:
        """The JSON of eth_signTypedData_v4, or version 1's array, for a chain account. 65 bytes."""
        signable = read_typed_values(document) if is_typed_values(document) else read_typed_data(document)
        with self._key_for(signable, account, digest, Item(TYPED, document, digest)) as key:
            return _signed(signable, key)

    @contextmanager
    def _key_for(
        self, signable: Signable, account: str, digest: str, item: Item | None, *, is_free: bool = False
    ) -> Iterator[PrivateKey]:
        """The key of `account`, if these bytes were reviewed, are for it, and the policy lets them be signed."""
        keyring = self.open()
        computed = "0x" + signable.digest.hex()
        if digest != computed:
            raise DigestDiffers(digest[:66], computed)
        kind, key = keyring.key_of(account)
        if kind not in signable.keys or signable.signer not in (None, key.address) or key.address != account:
            raise KeyUnfit(kind.value, signable.kind)
        if is_free:
            yield key
            return
        with self.admitted(keyring, digest, item, account):
            yield key


_CALLS: dict[str, tuple[Callable[..., Frame], dict[str, type]]] = {
    **GUARDING,
    "sign_transaction": (Signer.sign_transaction, {"payload": str, "account": str, "digest": str}),
    "sign_delegation": (Signer.sign_delegation, {"payload": str, "account": str, "digest": str}),
    "sign_in": (Signer.sign_in, {"text": str, "account": str, "digest": str}),
    "sign_message": (Signer.sign_message, {"data": str, "account": str, "digest": str}),
    "sign_typed_data": (Signer.sign_typed_data, {"document": str, "account": str, "digest": str}),
    "sign_order": (
        Signer.sign_order,
        {"kind": str, "ledger": str, "order": dict, "account": str, "digest": str},
    ),
}
_IDLE_CALLS = ("status",)
"""Asking how things are keeps nobody logged in."""


def answer(signer: Signer, request: Frame) -> Frame:
    """The answer to one request; our errors become frames, others are a fault of ours and end the process."""
    name, arguments = request.get("call"), request.get("with")
    if not isinstance(name, str) or name not in _CALLS or not isinstance(arguments, dict):
        return failure(CallRefused(str(name)[:32], "unknown"))
    call, shape = _CALLS[name]
    if set(arguments) != set(shape) or any(type(arguments[key]) is not kind for key, kind in shape.items()):
        return failure(CallRefused(name, "arguments"))
    try:
        return {"ok": call(signer, **arguments)}
    except WalletError as error:
        return failure(error)


def serve(descriptor: int, idle_seconds: float, signer: Signer) -> None:
    """Answer until told to lock, the other end is gone, or no key was used for `idle_seconds`."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    ends_at = _now() + idle_seconds
    while _now() < ends_at:
        left_ms = int((ends_at - _now()) * 1000) + 1
        if not poll.poll(min(left_ms, _SLICE_MS)):
            continue
        request = receive(descriptor)
        if request is None or _now() >= ends_at:  # the machine may have slept through the deadline
            return
        if request.get("call") == "lock":
            send(descriptor, {"ok": {}})
            return
        was_locked = not signer.is_unlocked
        send(descriptor, answer(signer, request))
        if was_locked and signer.is_unlocked:
            keep_out_of_dumps()
        if request.get("call") not in _IDLE_CALLS:
            ends_at = _now() + idle_seconds


def main() -> None:
    """Close off, then serve. Ends without a word in every case: a traceback could quote a secret."""
    status = 1
    try:
        descriptor, idle_seconds, path = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
        try:
            protections = _safe()
        except WalletError as error:
            send(descriptor, failure(error))
        else:
            serve(descriptor, min(idle_seconds, IDLE_SECONDS_MAX), Signer(path, protections))
            status = 0
    except BaseException:
        status = 1
    os._exit(status)  # nothing is flushed, nothing runs again with keys in memory


def _safe() -> list[str]:
    """The protections that hold. Raises SignerUnsafe."""
    if PrivateKey(_KNOWN_KEY).sign(_KNOWN_DIGEST) != _KNOWN_SIGNATURE:
        raise SignerUnsafe("curve library")
    if not sys.flags.isolated or sys.flags.optimize:
        raise SignerUnsafe("interpreter flags")
    return close_off()


def _now() -> float:
    """Seconds, counted while the machine sleeps too where the system can."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _bytes(call: str, text: str) -> bytes:
    if not text.startswith("0x"):
        raise CallRefused(call, "hex")
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise CallRefused(call, "hex") from None


def _signed(signable: Signable, key: PrivateKey) -> Frame:
    """The signature, after it was seen to be this key's on this digest (a fault would leak the key)."""
    signature = key.sign(signable.digest)
    compact = signature[:64] + bytes([signature[64] - 27])
    public = PublicKey.from_signature_and_message(compact, signable.digest, hasher=None)
    if public.format(compressed=False) != key.public:
        raise SignerUnsafe("another digest was signed")
    return {"signature": "0x" + signature.hex(), "facts": signable.facts}


if __name__ == "__main__":
    main()
