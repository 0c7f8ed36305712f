"""The keys of an open vault, by address, and every change to what it holds. Lives in the signer alone.

A change is written before it is used. What another signer of the same person wrote meanwhile is taken up first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chain.address import Address
from wallet.errors import AccountKnown, AccountUnknown, CallRefused, InputMalformed, PhraseKnown, VaultFull
from wallet.hd import ACCOUNTS_MAX, DerivationPath, KeyTree, PrivateKey
from wallet.names import new_name
from wallet.signable import KeyKind
from wallet.vault import Vault
from wallet.vault_format import KEYS_MAX, PHRASES_MAX, AccountEntry, Contents, Kept, KeptPhrase, Public

LOOKED_AT_MAX = 1000
"""Addresses that one call derives."""


@dataclass(slots=True)
class Keyring:
    """Phrases are numbered from 0; the first has the ledger's root key."""

    vault: Vault
    trees: list[KeyTree] = field(default_factory=list, repr=False)
    _imported: dict[Address, PrivateKey] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return "Keyring(***)"

    @classmethod
    def of(cls, vault: Vault) -> Keyring:
        keyring = cls(vault)
        keyring._take_up()
        return keyring

    def refresh(self) -> None:
        """Raises VaultChanged where the password was changed elsewhere, and what reading the file raises."""
        if self.vault.refresh():
            self._take_up()

    def key_of(self, address: str) -> tuple[KeyKind, PrivateKey]:
        """The key of the root address or of an account. Raises AccountUnknown."""
        if address == self.vault.public.root:
            return KeyKind.ROOT, self.trees[0].root()
        entry = self.entry(address)
        place = entry.phrase
        key = self._imported.get(entry.address) if place is None else self.tree(place).key_at(entry.path)
        if key is None:
            raise AccountUnknown(address[:42])
        return KeyKind.ACCOUNT, key

    def entry(self, address: str) -> AccountEntry:
        """Raises AccountUnknown."""
        found = next((entry for entry in self.vault.public.accounts if entry.address == address), None)
        if found is None:
            raise AccountUnknown(address[:42])
        return found

    def tree(self, phrase: int) -> KeyTree:
        """Raises InputMalformed."""
        if not 0 <= phrase < len(self.trees):
            raise InputMalformed("phrase", str(phrase + 1), "`tandem accounts` shows their numbers")
        return self.trees[phrase]

    def addresses(self, phrase: int, paths: Sequence[str]) -> list[Address]:
        """What stands at these paths; nothing is kept. Raises InputMalformed."""
        if len(paths) > LOOKED_AT_MAX:
            raise CallRefused("addresses", "too many")
        tree = self.tree(phrase)
        return [tree.derived(account_path(path)).address for path in paths]

    def find(self, phrase: int, passphrase: str, address: str, paths: Sequence[str]) -> str:
        """The first of these paths that gives the address, or "". A passphrase stands in for the phrase's own."""
        if len(paths) > LOOKED_AT_MAX:
            raise CallRefused("find", "too many")
        tree, kept = self.tree(phrase), self.vault.contents.phrases[phrase]
        if passphrase:
            if not isinstance(kept, KeptPhrase):
                raise InputMalformed("phrase", str(phrase + 1), "it has no words, so no passphrase")
            tree = KeyTree(kept.mnemonic.seed(passphrase))
        wanted = (path for path in map(DerivationPath, paths) if not path.is_reserved)
        return next((path.text for path in wanted if tree.derived(path).address == address), "")

    def add_next(self) -> None:
        """The first chain account of the first phrase (BIP-44) that is not there yet."""
        taken = {entry.path for entry in self.vault.public.accounts if entry.phrase == 0}
        paths = (DerivationPath.account(index).text for index in range(ACCOUNTS_MAX))
        free = next((path for path in paths if path not in taken), None)
        if free is None:
            raise VaultFull("accounts", ACCOUNTS_MAX)
        self.add_paths(0, [free], "")

    def add_paths(self, phrase: int, paths: Sequence[str], name: str) -> None:
        """The first gets the name. Raises AccountKnown, InputMalformed, NameTaken, VaultFull."""
        found = self.addresses(phrase, paths)
        entries = [
            AccountEntry(account_path(path).text, address, phrase) for path, address in zip(paths, found, strict=True)
        ]
        self.vault.update(lambda public: _with_accounts(public, entries, name))

    def add_phrase(self, kept: Kept, name: str) -> None:
        """Another phrase with its first account. Raises PhraseKnown, AccountKnown, NameTaken, VaultFull."""
        path = DerivationPath.account(0)
        address = KeyTree(kept.seed()).key(path).address

        def edit(public: Public, contents: Contents) -> tuple[Public, Contents]:
            if kept in contents.phrases:
                raise PhraseKnown(contents.phrases.index(kept) + 1)
            if len(contents.phrases) >= PHRASES_MAX:
                raise VaultFull("phrases", PHRASES_MAX)
            entry = AccountEntry(path.text, address, len(contents.phrases))
            more = replace(contents, phrases=(*contents.phrases, kept))
            return _with_accounts(public, [entry], name), more

        self.vault.change(edit)
        self._take_up()

    def add_key(self, key: PrivateKey, name: str) -> None:
        """An imported key as an account. Raises AccountKnown, NameTaken, VaultFull."""

        def edit(public: Public, contents: Contents) -> tuple[Public, Contents]:
            if len(contents.keys) >= KEYS_MAX:
                raise VaultFull("keys", KEYS_MAX)
            if key.address == public.root:
                raise AccountKnown(key.address)
            entry = AccountEntry("", key.address, None)
            return _with_accounts(public, [entry], name), replace(contents, keys=(*contents.keys, key.raw))

        self.vault.change(edit)
        self._take_up()

    def edit_account(self, address: str, name: str | None, position: int | None) -> None:
        """Another name ("" for none) or another place (from 0). Raises AccountUnknown, NameTaken, InputMalformed."""
        self.entry(address)
        self.vault.update(lambda public: _edited(public, address, name, position))

    def _take_up(self) -> None:
        contents = self.vault.contents
        self.trees = [KeyTree(kept.seed()) for kept in contents.phrases]
        keys = [PrivateKey(raw) for raw in contents.keys]
        self._imported = {key.address: key for key in keys}


def account_path(text: str) -> DerivationPath:
    """A path that an account may have. Raises InputMalformed."""
    try:
        path = DerivationPath(text)
    except ValueError:
        raise InputMalformed("path", text[:80], "m/44'/60'/0'/0/0 is an example") from None
    if path.is_reserved:
        raise InputMalformed("path", text[:80], "the ledger's keys are there, which are no accounts")
    return path


def _with_accounts(public: Public, entries: Sequence[AccountEntry], name: str) -> Public:
    known = {entry.address for entry in public.accounts}
    for entry in entries:
        if entry.address in known:
            raise AccountKnown(entry.address)
        known.add(entry.address)
    if len(public.accounts) + len(entries) > ACCOUNTS_MAX:
        raise VaultFull("accounts", ACCOUNTS_MAX)
    first, *rest = entries
    if name:
        first = replace(first, name=new_name(name, [entry.name for entry in public.accounts if entry.name]))
    return replace(public, accounts=(*public.accounts, first, *rest))


def _edited(public: Public, address: str, name: str | None, position: int | None) -> Public:
    entry = next(entry for entry in public.accounts if entry.address == address)
    others = [other for other in public.accounts if other.address != address]
    place = public.accounts.index(entry)
    if name is not None:
        entry = replace(entry, name=name and new_name(name, [other.name for other in others if other.name]))
    if position is not None:
        if not 0 <= position <= len(others):
            raise InputMalformed("position", str(position), "0 is the first")
        place = position
    return replace(public, accounts=(*others[:place], entry, *others[place:]))
