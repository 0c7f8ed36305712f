"""The part of the signer that makes backups of what a phrase does not hold, and vaults out of them.

The first piece of a backup is the signer's own: the other phrases, the imported keys, the list of accounts, the policy.
What follows is the client's state, which holds no secret. A backup is read whole before anything is made of it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chain.errors import AddressMalformed
from wallet.errors import (
    BackupDamaged,
    BackupForeign,
    CallRefused,
    InputMalformed,
    PhraseForeign,
    VaultExists,
    VaultMissing,
)
from wallet.frames import Frame
from wallet.hd import DerivationPath, KeyTree, PrivateKey
from wallet.keeper import fit_profile, read_phrase
from wallet.keyring import Keyring
from wallet.policy import Policy, read_policy
from wallet.recovery import RECOVERING, Recovery, from_shares
from wallet.sealed import Pieces
from wallet.vault import Vault, read_public
from wallet.vault_format import AccountEntry, Contents, Kept, KeptPhrase, Public, read_account, read_kept


@dataclass(slots=True)
class Restoring(Recovery):
    """`source` in a call is {"phrase", "language", "passphrase"}, or shares as `restore_shares` takes them."""

    _pieces: Pieces | None = field(default=None, repr=False)
    _opened: tuple[Contents, Public] | None = field(default=None, repr=False)

    def begin_backup(self, password: str) -> Frame:
        """The head of a new backup and its first piece."""
        vault = Vault.open(self.path, password)
        first, *others = vault.contents.phrases
        self._pieces = Pieces.begin(KeyTree(first.seed()))
        secret = {
            "phrases": [kept.to_json() for kept in others],
            "keys": [key.hex() for key in vault.contents.keys],
            "accounts": [asdict(entry) for entry in vault.public.accounts],
        }
        if vault.public.policy is not None:
            secret["policy"] = vault.public.policy.to_json()
        return {"header": self._pieces.header, "piece": self._seal(json.dumps(secret).encode(), last=False)}

    def seal_backup(self, data: str, last: bool) -> Frame:
        """The next piece of the backup that was begun; data is base64."""
        return {"piece": self._seal(_from_base64("seal_backup", data), last=last)}

    def open_backup(self, source: dict[str, Any], header: str, piece: str) -> Frame:
        """Begin to read one: does this phrase open it, and which accounts are in it? Raises BackupForeign."""
        first = _kept(source)
        tree = KeyTree(first.seed())
        pieces = Pieces.read(header, tree)
        if tree.root().address != pieces.root:
            raise BackupForeign(pieces.root)
        contents, accounts, policy = _read_secret(pieces.open(_from_base64("open_backup", piece), last=False), first)
        public = Public(tree.root().address, accounts, backed_up=True, policy=policy)
        self._pieces, self._opened = pieces, (contents, public)
        return {"accounts": [entry.address for entry in accounts], "keys": len(contents.keys)}

    def unseal_backup(self, piece: str, last: bool) -> Frame:
        """The next piece's data, base64."""
        pieces = self._begun("unseal_backup")
        data = pieces.open(_from_base64("unseal_backup", piece), last=last)
        return {"data": base64.b64encode(data).decode()}

    def restore_backup(self, password: str, profile: str, beside: bool) -> Frame:
        """The vault of the backup that was opened; `beside` keeps one of the same wallet that is there."""
        if self._opened is None:
            raise CallRefused("restore_backup", "not opened")
        contents, public = self._opened
        return self._make_beside(contents, public, password, profile, beside)

    def restore_beside(self, source: dict[str, Any], password: str, profile: str) -> Frame:
        """A vault for one whose password is forgotten, with every account of the old one that this phrase gives.

        The old file stays under another name. Answers which of its accounts the phrase does not cover.
        """
        if not self.path.exists():
            raise VaultMissing(str(self.path))
        kept, before = _kept(source), read_public(self.path)
        tree = KeyTree(kept.seed())
        covered = tuple(entry for entry in before.accounts if _is_of(tree, entry))
        first = AccountEntry("m/44'/60'/0'/0/0", tree.account(0).address)
        public = Public(tree.root().address, covered or (first,), backed_up=True)
        status = self._make_beside(Contents((kept,)), public, password, profile, beside=True)
        return {**status, "uncovered": [e.address for e in before.accounts if e not in covered]}

    def _make_beside(self, contents: Contents, public: Public, password: str, profile: str, beside: bool) -> Frame:
        if self.path.exists():
            if not beside:
                raise VaultExists(str(self.path))
            if read_public(self.path).root != public.root:
                raise PhraseForeign(str(self.path))
        fit = fit_profile("restore", profile)
        self.keyring = Keyring.of(Vault.create(self.path, password, contents, public, fit, beside=beside))
        self._pieces, self._opened = None, None
        return self.status()

    def _seal(self, data: bytes, *, last: bool) -> str:
        return base64.b64encode(self._begun("seal_backup").seal(data, last=last)).decode()

    def _begun(self, call: str) -> Pieces:
        if self._pieces is None:
            raise CallRefused(call, "not begun")
        return self._pieces


RESTORING: dict[str, tuple[Callable[..., Frame], dict[str, type]]] = {
    **RECOVERING,
    "begin_backup": (Restoring.begin_backup, {"password": str}),
    "seal_backup": (Restoring.seal_backup, {"data": str, "last": bool}),
    "open_backup": (Restoring.open_backup, {"source": dict, "header": str, "piece": str}),
    "unseal_backup": (Restoring.unseal_backup, {"piece": str, "last": bool}),
    "restore_backup": (Restoring.restore_backup, {"password": str, "profile": str, "beside": bool}),
    "restore_beside": (Restoring.restore_beside, {"source": dict, "password": str, "profile": str}),
}


def _kept(source: dict[str, Any]) -> Kept:
    """The phrase, or the wallet of shares, that a person typed."""
    if set(source) == {"phrase", "language", "passphrase"} and all(isinstance(v, str) for v in source.values()):
        return KeptPhrase(read_phrase(source["phrase"], source["language"]), source["passphrase"])
    if set(source) != {"shares", "passphrase", "holds", "words"}:
        raise CallRefused("source", "arguments")
    shares, words = source["shares"], source["words"]
    if not isinstance(shares, list) or not isinstance(words, dict) or not isinstance(source["passphrase"], str):
        raise CallRefused("source", "arguments")
    return from_shares(shares, source["passphrase"], source["holds"], words)


def _read_secret(plain: bytes, first: Kept) -> tuple[Contents, tuple[AccountEntry, ...], Policy | None]:
    """Every account is seen to be its key's, so that the vault made of it is whole. Raises BackupDamaged.

    The policy gets another id: what was used of it elsewhere is not known here.
    """
    try:
        secret = json.loads(plain)
        phrases = (first, *(read_kept(one) for one in secret["phrases"]))
        contents = Contents(phrases, tuple(bytes.fromhex(key) for key in secret["keys"]))
        accounts = tuple(read_account(entry) for entry in secret["accounts"])
        policy = read_policy(secret["policy"]) if "policy" in secret else None
    except (AddressMalformed, InputMalformed, ValueError, KeyError, TypeError):
        raise BackupDamaged("it was written by a later version of this program") from None
    if not accounts:
        raise BackupDamaged("it was written by a later version of this program")
    trees = [KeyTree(kept.seed()) for kept in contents.phrases]
    imported = {PrivateKey(key).address for key in contents.keys}
    for entry in accounts:
        known = entry.address in imported if entry.phrase is None else entry.phrase < len(trees)
        if not known or (entry.phrase is not None and not _is_of(trees[entry.phrase], replace(entry, phrase=0))):
            raise BackupDamaged("an account in it is not its keys'")
    return contents, accounts, replace(policy, id=os.urandom(16).hex()) if policy else None


def _is_of(tree: KeyTree, entry: AccountEntry) -> bool:
    """Is it an account of the first phrase, at a path that this tree gives it?"""
    if entry.phrase != 0:
        return False
    path = DerivationPath(entry.path)
    return not path.is_reserved and tree.derived(path).address == entry.address


def _from_base64(call: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise CallRefused(call, "base64") from None
