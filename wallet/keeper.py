"""The half of the signer that keeps keys: making, opening and changing the vault. wallet.signer adds signing.

Runs in the signer's process alone. Secrets cross its pipe in three kinds of call: a password in (create, unlock,
change_password, a keystore's), a phrase in (readings, restore, add_phrase, prove_backup, a passphrase to look with; a
bare key in its place: import_key), a phrase out (create, reveal).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from wallet.errors import (
    AccountUnknown,
    CallRefused,
    InputMalformed,
    PhraseAbsent,
    PhraseAmbiguous,
    PhraseDiffers,
    SignerLocked,
    VaultChanged,
    VaultExists,
    WordCountWrong,
)
from wallet.frames import Frame
from wallet.hd import DerivationPath, KeyTree, PrivateKey
from wallet.keyring import Keyring
from wallet.keystore import make_keystore, open_keystore
from wallet.mnemonic import Language, Mnemonic, glosses, readings, word_list
from wallet.vault import Vault, read_public
from wallet.vault_format import AccountEntry, Contents, KeptPhrase, Profile, Public

PROVED_WORDS_MIN = 3
_SHOWN_ACCOUNTS_MAX = 20
_KEY = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


@dataclass(slots=True)
class Keeper:
    """What the process knows: where the vault is and, once unlocked, its keys."""

    path: Path
    protections: list[str]
    keyring: Keyring | None = field(default=None, repr=False)

    @property
    def is_unlocked(self) -> bool:
        return self.keyring is not None

    def status(self) -> Frame:
        """Whether there is a vault, and what it tells without its password."""
        if self.keyring is not None:
            try:
                self.keyring.refresh()
            except VaultChanged:
                self.keyring = None
        keyring = self.keyring
        public = keyring.vault.public if keyring else read_public(self.path) if self.path.exists() else None
        shown = _shown(public) if public else {}
        return {
            "vault": public is not None,
            "unlocked": keyring is not None,
            **shown,
            "protections": self.protections,
        }

    def create(self, words: int, password: str, profile: str) -> Frame:
        """A new English phrase in a new vault. The phrase goes out here, and by `reveal`."""
        mnemonic = Mnemonic.generate(words)
        self.make(Contents.of(mnemonic), password, profile, backed_up=False)
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
        mnemonic = read_phrase(phrase, language)
        self.make(Contents.of(mnemonic, passphrase), password, profile, backed_up=True)
        return self.status()

    def unlock(self, password: str) -> Frame:
        """Open the vault; also when it is open already, since the answer vouches for the password."""
        self.keyring = Keyring.of(Vault.open(self.path, password))
        return self.status()

    def reveal(self, password: str) -> Frame:
        """The phrase once more, for one who gives the password again. Raises PhraseAbsent."""
        return _spelt(_words(Vault.open(self.path, password)))

    def prove_backup(self, words: dict[str, str]) -> Frame:
        """Words by position ("1" is the first): three or more, all right, and the vault is marked as backed up."""
        given = {int(n): word for n, word in words.items() if n.isascii() and n.isdigit() and isinstance(word, str)}
        if len(given) < PROVED_WORDS_MIN or len(given) != len(words):
            raise WordCountWrong(len(given))
        vault = self.open().vault
        wrong = _words(vault).differing(given)
        if wrong:
            raise PhraseDiffers(wrong)
        vault.update(lambda public: replace(public, backed_up=True))
        return self.status()

    def change_password(self, password: str, new_password: str, profile: str) -> Frame:
        """The vault under another password. Whoever holds it open has to unlock it anew."""
        vault = Vault.open(self.path, password)
        vault.rekey(new_password, fit_profile("change_password", profile))
        self.keyring = Keyring.of(vault)
        return self.status()

    # Accounts

    def add_account(self) -> Frame:
        """The next chain account (BIP-44 index) of the first phrase, kept in the vault's public part."""
        self.open().add_next()
        return self.status()

    def add_paths(self, phrase: int, paths: list[str], name: str) -> Frame:
        """Accounts at these paths of a phrase (from 0); the name is the first one's."""
        if not paths:
            raise CallRefused("add_paths", "paths")
        self.open().add_paths(phrase, _texts("add_paths", paths), name)
        return self.status()

    def edit_account(self, account: str, change: dict[str, Any]) -> Frame:
        """`change` has another `name` ("" for none), another `position` (from 0), or both."""
        name, position = change.get("name"), change.get("position")
        shaped = isinstance(name, str | None) and (position is None or type(position) is int)
        if not shaped or set(change) - {"name", "position"}:
            raise CallRefused("edit_account", "arguments")
        self.open().edit_account(account, name, position)
        return self.status()

    def addresses(self, phrase: int, paths: list[str]) -> Frame:
        """What stands at these paths of a phrase; nothing is kept."""
        return {"addresses": self.open().addresses(phrase, _texts("addresses", paths))}

    def find(self, phrase: int, passphrase: str, address: str, paths: list[str]) -> Frame:
        """Which of these paths gives the address, "" for none; a passphrase stands in for the phrase's own."""
        return {"path": self.open().find(phrase, passphrase, address, _texts("find", paths))}

    def add_phrase(self, phrase: str, language: str, passphrase: str, name: str) -> Frame:
        """Another phrase in the open vault, with its first account."""
        self.open().add_phrase(KeptPhrase(read_phrase(phrase, language), passphrase), name)
        return self.status()

    def add_keystore(self, document: str, keystore_password: str, name: str) -> Frame:
        """The key of a v3 keystore as an account of the open vault."""
        keyring = self.open()
        keyring.add_key(open_keystore(document, keystore_password), name)
        return self.status()

    def import_key(self, key: str, name: str) -> Frame:
        """A bare private key (64 hex digits) as an account of the open vault. Raises InputMalformed, without it."""
        keyring = self.open()
        keyring.add_key(read_key(key), name)
        return self.status()

    def make_keystore(self, account: str, password: str, keystore_password: str) -> Frame:
        """A chain account's key as a v3 keystore, for one who gives the password again; never the root's."""
        keyring = Keyring.of(Vault.open(self.path, password))
        if account == keyring.vault.public.root:
            raise AccountUnknown(account[:42])
        return {"document": make_keystore(keyring.key_of(account)[1], keystore_password)}

    def open(self) -> Keyring:
        """The keys, as the file has them now. Raises SignerLocked, VaultChanged."""
        if self.keyring is None:
            raise SignerLocked()
        try:
            self.keyring.refresh()
        except VaultChanged:
            self.keyring = None
            raise
        return self.keyring

    def make(self, contents: Contents, password: str, profile: str, *, backed_up: bool) -> None:
        """A new vault, open. Raises PasswordUnfit, VaultExists, VaultUnwritten."""
        fit = fit_profile("create", profile)
        tree = KeyTree(contents.phrases[0].seed())
        public = Public(tree.root().address, (_entry(tree, 0),), backed_up)
        self.keyring = Keyring.of(Vault.create(self.path, password, contents, public, fit))


KEEPING: dict[str, tuple[Callable[..., Frame], dict[str, type]]] = {
    "status": (Keeper.status, {}),
    "create": (Keeper.create, {"words": int, "password": str, "profile": str}),
    "readings": (Keeper.readings, {"phrase": str, "passphrase": str, "accounts": int}),
    "restore": (
        Keeper.restore,
        {"phrase": str, "language": str, "passphrase": str, "password": str, "profile": str},
    ),
    "unlock": (Keeper.unlock, {"password": str}),
    "reveal": (Keeper.reveal, {"password": str}),
    "prove_backup": (Keeper.prove_backup, {"words": dict}),
    "change_password": (Keeper.change_password, {"password": str, "new_password": str, "profile": str}),
    "add_account": (Keeper.add_account, {}),
    "add_paths": (Keeper.add_paths, {"phrase": int, "paths": list, "name": str}),
    "edit_account": (Keeper.edit_account, {"account": str, "change": dict}),
    "addresses": (Keeper.addresses, {"phrase": int, "paths": list}),
    "find": (Keeper.find, {"phrase": int, "passphrase": str, "address": str, "paths": list}),
    "add_phrase": (Keeper.add_phrase, {"phrase": str, "language": str, "passphrase": str, "name": str}),
    "add_keystore": (Keeper.add_keystore, {"document": str, "keystore_password": str, "name": str}),
    "import_key": (Keeper.import_key, {"key": str, "name": str}),
    "make_keystore": (Keeper.make_keystore, {"account": str, "password": str, "keystore_password": str}),
}
"""Calls by name, with the arguments that each takes."""


def fit_profile(call: str, profile: str) -> Profile:
    """Raises CallRefused."""
    if profile not in list(Profile):
        raise CallRefused(call, "profile")
    return Profile(profile)


def _texts(call: str, given: list[Any]) -> list[str]:
    if not all(isinstance(one, str) for one in given):
        raise CallRefused(call, "arguments")
    return given


def read_phrase(phrase: str, language: str) -> Mnemonic:
    """The reading of typed words that `language` names, or the only one. Raises PhraseAmbiguous."""
    every = readings(phrase)
    found = [mnemonic for mnemonic in every if language in ("", mnemonic.language.value)]
    if len(found) != 1:
        raise PhraseAmbiguous([mnemonic.language.value for mnemonic in every])
    return found[0]


def read_key(text: str) -> PrivateKey:
    """Of hex, with 0x or without. What was typed is never in the error: it may be a key but for one digit."""
    digits = text.strip().removeprefix("0x")
    try:
        if not _KEY.fullmatch(digits):
            raise ValueError
        return PrivateKey(bytes.fromhex(digits))
    except ValueError:
        raise InputMalformed("private-key", "***", "64 hex digits are expected, of a key that the curve has") from None


def _words(vault: Vault) -> Mnemonic:
    words = vault.contents.words
    if words is None:
        raise PhraseAbsent()
    return words


def _shown(public: Public) -> Frame:
    accounts = [asdict(entry) for entry in public.accounts]
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
