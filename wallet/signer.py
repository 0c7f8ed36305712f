"""The signer: a process of its own, the only one that ever holds a key.

`python -I -m wallet.signer DESCRIPTOR IDLE_SECONDS VAULT` answers frames on an inherited socket pair, one at a time,
with blocking reads. It ends when told to lock, when its parent is gone, or when no key was used for the idle time;
ending is how it forgets, since nothing in Python can be wiped. It decodes by itself what it signs, and signs only if
the digest is the one that the caller says a person reviewed.

Secrets cross the pipe in three kinds of call: a password in (unlock, and with those below), a phrase in (readings,
restore, prove_backup), a phrase out (create, reveal).
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bip_utils.ecc.conf import EccConf
from coincurve import PublicKey
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_keys.backends.coincurve import CoinCurveECCBackend

from chain.address import Address
from chain.transaction import SignedTransaction, TransactionRequest
from wallet.errors import (
    AccountUnknown,
    CallRefused,
    DigestDiffers,
    KeyUnfit,
    PhraseAmbiguous,
    PhraseDiffers,
    SignerLocked,
    SignerUnsafe,
    VaultExists,
    WalletError,
    WordCountWrong,
)
from wallet.frames import Frame, failure, receive, send
from wallet.hd import ACCOUNTS_MAX, DerivationPath, KeyTree, PrivateKey
from wallet.mnemonic import Language, Mnemonic, glosses, readings, word_list
from wallet.sandbox import close_off, keep_out_of_dumps
from wallet.signable import (
    KeyKind,
    Signable,
    read_message,
    read_order,
    read_sign_in,
    read_transaction,
    read_typed_data,
)
from wallet.vault import AccountEntry, Contents, Profile, Public, Vault, read_public

IDLE_SECONDS_MAX = 15 * 60
PROVED_WORDS_MIN = 3
_SHOWN_ACCOUNTS_MAX = 20
_SLICE_MS = 10_000


@dataclass(slots=True)
class Signer:
    """What the process knows: where the vault is and, once unlocked, its keys."""

    path: Path
    protections: list[str]
    vault: Vault | None = field(default=None, repr=False)
    tree: KeyTree | None = field(default=None, repr=False)

    def status(self) -> Frame:
        """Whether there is a vault, and what it tells without its password."""
        public = self.vault.public if self.vault else read_public(self.path) if self.path.exists() else None
        shown = _shown(public) if public else {}
        return {
            "vault": public is not None,
            "unlocked": self.vault is not None,
            **shown,
            "protections": self.protections,
        }

    def create(self, words: int, password: str, profile: str) -> Frame:
        """A new English phrase in a new vault. The phrase goes out here, and by `reveal`."""
        mnemonic = Mnemonic.generate(words)
        self._make(Contents(mnemonic), password, profile, backed_up=False)
        return _spelt(mnemonic)

    def readings(self, phrase: str, passphrase: str, accounts: int) -> Frame:
        """The wallets that typed words may mean, with the addresses by which to see which one has history."""
        if not 0 < accounts <= _SHOWN_ACCOUNTS_MAX:
            raise CallRefused("readings", "accounts")
        return {"readings": [_reading(mnemonic, passphrase, accounts) for mnemonic in readings(phrase)]}

    def restore(self, phrase: str, language: str, passphrase: str, password: str, profile: str) -> Frame:
        """A vault from typed words. Where they may mean several wallets, `language` says which; else it is empty."""
        if self.path.exists():
            raise VaultExists(str(self.path))
        found = [m for m in readings(phrase) if language in ("", m.language.value)]
        if len(found) != 1:
            raise PhraseAmbiguous([m.language.value for m in readings(phrase)])
        self._make(Contents(found[0], passphrase), password, profile, backed_up=True)
        return self.status()

    def unlock(self, password: str) -> Frame:
        """Open the vault; also when it is open already, since the answer vouches for the password."""
        self._hold(Vault.open(self.path, password))
        return self.status()

    def reveal(self, password: str) -> Frame:
        """The phrase once more, for one who gives the password again."""
        return _spelt(Vault.open(self.path, password).contents.mnemonic)

    def prove_backup(self, words: dict[str, str]) -> Frame:
        """Words by position ("1" is the first): three or more, all right, and the vault is marked as backed up."""
        given = {int(n): word for n, word in words.items() if n.isascii() and n.isdigit() and isinstance(word, str)}
        if len(given) < PROVED_WORDS_MIN or len(given) != len(words):
            raise WordCountWrong(len(given))
        vault, _ = self._open()
        wrong = vault.contents.mnemonic.differing(given)
        if wrong:
            raise PhraseDiffers(wrong)
        vault.update(lambda public: replace(public, backed_up=True))
        return self.status()

    def add_account(self) -> Frame:
        """The next chain account (BIP-44 index), kept in the vault's public part."""
        vault, tree = self._open()
        if len(vault.public.accounts) >= ACCOUNTS_MAX:
            raise CallRefused("add_account", "accounts")
        vault.update(lambda public: replace(public, accounts=(*public.accounts, _entry(tree, len(public.accounts)))))
        return self.status()

    def sign_transaction(self, payload: str, account: str, digest: str) -> Frame:
        """An unsigned EIP-1559 payload, hex. Answers the raw signed transaction, its hash, and the facts."""
        raw = _bytes("sign_transaction", payload)
        signable = read_transaction(raw)
        key = self._key_for(signable, account, digest)
        request = TransactionRequest.decode(raw)
        signed = bytes(Account.sign_transaction(_for_eth_account(request), key.raw).raw_transaction)
        checked = SignedTransaction.decode(signed)
        if checked.request != request.with_sender(key.address):
            raise SignerUnsafe("another transaction was signed")
        return {"raw": "0x" + signed.hex(), "hash": checked.hash_hex, "facts": signable.facts}

    def sign_in(self, text: str, account: str, digest: str) -> Frame:
        """An EIP-4361 text, for the account or root key that it names. Answers the 65-byte signature."""
        signable = read_sign_in(text)
        key = self._key_for(signable, account, digest)
        signature = bytes(Account.sign_message(encode_defunct(text=text), key.raw).signature)
        return _checked(signable, key, signature)

    def sign_order(self, kind: str, ledger: str, order: dict[str, str], account: str, digest: str) -> Frame:
        """A type of fiat.order, by name and fields. Answers the 65-byte signature."""
        signable = read_order(kind, _bytes("sign_order", ledger), order)
        key = self._key_for(signable, account, digest)
        return _checked(signable, key, bytes(Account.unsafe_sign_hash(signable.digest, key.raw).signature))

    def sign_message(self, data: str, account: str, digest: str) -> Frame:
        """Bytes as personal_sign takes them, hex, for a chain account. Answers the 65-byte signature."""
        raw = _bytes("sign_message", data)
        signable = read_message(raw)
        key = self._key_for(signable, account, digest)
        return _checked(signable, key, bytes(Account.sign_message(encode_defunct(raw), key.raw).signature))

    def sign_typed_data(self, document: str, account: str, digest: str) -> Frame:
        """The JSON of eth_signTypedData_v4, for a chain account. Answers the 65-byte signature."""
        signable = read_typed_data(document)
        key = self._key_for(signable, account, digest)
        return _checked(signable, key, bytes(Account.unsafe_sign_hash(signable.digest, key.raw).signature))

    def _key_for(self, signable: Signable, account: str, digest: str) -> PrivateKey:
        """The key of `account`, if these bytes were reviewed, and are for it."""
        vault, tree = self._open()
        computed = "0x" + signable.digest.hex()
        if digest != computed:
            raise DigestDiffers(digest[:66], computed)
        if account == vault.public.root:
            kind, key = KeyKind.ROOT, tree.root()
        else:
            path = next((entry.path for entry in vault.public.accounts if entry.address == account), None)
            if path is None:
                raise AccountUnknown(account[:42])
            kind, key = KeyKind.ACCOUNT, tree.key(DerivationPath(path))
        if kind not in signable.keys or signable.signer not in (None, key.address) or key.address != account:
            raise KeyUnfit(kind.value, signable.kind)
        return key

    def _make(self, contents: Contents, password: str, profile: str, *, backed_up: bool) -> None:
        if profile not in list(Profile):
            raise CallRefused("create", "profile")
        tree = KeyTree(contents.mnemonic.seed(contents.passphrase))
        public = Public(tree.root().address, (_entry(tree, 0),), backed_up)
        self._hold(Vault.create(self.path, password, contents, public, Profile(profile)))

    def _hold(self, vault: Vault) -> None:
        self.vault, self.tree = vault, KeyTree(vault.contents.mnemonic.seed(vault.contents.passphrase))

    def _open(self) -> tuple[Vault, KeyTree]:
        if self.vault is None or self.tree is None:
            raise SignerLocked()
        return self.vault, self.tree


_CALLS: dict[str, tuple[Callable[..., Frame], dict[str, type]]] = {
    "status": (Signer.status, {}),
    "create": (Signer.create, {"words": int, "password": str, "profile": str}),
    "readings": (Signer.readings, {"phrase": str, "passphrase": str, "accounts": int}),
    "restore": (
        Signer.restore,
        {"phrase": str, "language": str, "passphrase": str, "password": str, "profile": str},
    ),
    "unlock": (Signer.unlock, {"password": str}),
    "reveal": (Signer.reveal, {"password": str}),
    "prove_backup": (Signer.prove_backup, {"words": dict}),
    "add_account": (Signer.add_account, {}),
    "sign_transaction": (Signer.sign_transaction, {"payload": str, "account": str, "digest": str}),
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
        was_locked = signer.vault is None
        send(descriptor, answer(signer, request))
        if was_locked and signer.vault is not None:
            keep_out_of_dumps()
        if request.get("call") not in _IDLE_CALLS:
            ends_at = _now() + idle_seconds


def main() -> None:
    """Close off, then serve. Ends without a word in every case: a traceback could quote a secret."""
    status = 1
    sys.setrecursionlimit(1000)  # py_ecc, which eth-account brings, raises it to where the interpreter crashes
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
    if not isinstance(Account._keys.backend, CoinCurveECCBackend) or not EccConf.USE_COINCURVE:
        raise SignerUnsafe("curve library")
    if not sys.flags.isolated or sys.flags.optimize:
        raise SignerUnsafe("interpreter flags")
    return close_off()


def _now() -> float:
    """Seconds, counted while the machine sleeps too where the system can."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _shown(public: Public) -> Frame:
    accounts = [{"path": entry.path, "address": entry.address} for entry in public.accounts]
    return {"root": public.root, "accounts": accounts, "backed_up": public.backed_up}


def _entry(tree: KeyTree, index: int) -> AccountEntry:
    path = DerivationPath.account(index)
    return AccountEntry(path.text, tree.key(path).address)


def _spelt(mnemonic: Mnemonic) -> Frame:
    words = list(mnemonic.words)
    meanings: dict[str, str] = {}
    if mnemonic.language is Language.ENGLISH:
        meanings = dict(zip(word_list(Language.ENGLISH), glosses(), strict=True))
    return {"words": words, "gloss": [meanings.get(word, "") for word in words], "language": mnemonic.language.value}


def _reading(mnemonic: Mnemonic, passphrase: str, accounts: int) -> Frame:
    tree = KeyTree(mnemonic.seed(passphrase))
    shown: dict[str, Any] = {"language": mnemonic.language.value, "root": tree.root().address}
    return {**shown, "accounts": [_entry(tree, index).address for index in range(accounts)]}


def _bytes(call: str, text: str) -> bytes:
    if not text.startswith("0x"):
        raise CallRefused(call, "hex")
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise CallRefused(call, "hex") from None


def _for_eth_account(request: TransactionRequest) -> dict[str, object]:
    return {
        "type": 2,
        "chainId": request.chain_id,
        "nonce": request.nonce,
        "maxPriorityFeePerGas": request.max_priority_fee_per_gas,
        "maxFeePerGas": request.max_fee_per_gas,
        "gas": request.gas,
        "to": request.to or b"",
        "value": request.value,
        "data": request.data,
        "accessList": [
            {"address": address, "storageKeys": ["0x" + key.hex() for key in keys]}
            for address, keys in request.access_list
        ],
    }


def _checked(signable: Signable, key: PrivateKey, signature: bytes) -> Frame:
    """The signature, after it was seen to be this key's on this digest (a fault would leak the key)."""
    compact = signature[:64] + bytes([signature[64] - 27])
    public = PublicKey.from_signature_and_message(compact, signable.digest, hasher=None)
    if Address.from_public_key(public.format(compressed=False)) != key.address:
        raise SignerUnsafe("another digest was signed")
    return {"signature": "0x" + signature.hex(), "facts": signable.facts}


if __name__ == "__main__":
    main()
