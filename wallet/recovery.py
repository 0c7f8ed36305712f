"""The part of the signer that brings keys back: shares made and put together, and backups that are tried.

Runs in the signer's process alone. Shares cross its pipe as phrases do: out by `split`, in by the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wallet.errors import CallRefused, PhraseAmbiguous, SharesUnfit, VaultExists, VaultMissing
from wallet.frames import Frame
from wallet.hd import DerivationPath, KeyTree
from wallet.keeper import KEEPING, Keeper
from wallet.mnemonic import Language, Mnemonic, readings
from wallet.shares import combine, split
from wallet.vault import Vault, read_public
from wallet.vault_format import Contents, Kept, KeptPhrase, KeptSecret

OF_PHRASE, OF_WALLET = "phrase", "wallet"


@dataclass(slots=True)
class Recovery(Keeper):
    """`holds` says what shares are of: the entropy of a phrase, or a wallet without words."""

    def split(self, password: str, threshold: int, groups: list[Any], passphrase: str) -> Frame:
        """The first phrase as shares, for one who gives the password again; groups are [needed, count] pairs.

        A passphrase that belongs to the phrase (BIP-39) is not in them. Raises SharesUnfit.
        """
        if not all(isinstance(g, list) and len(g) == 2 and all(type(n) is int for n in g) for g in groups):
            raise CallRefused("split", "arguments")
        kept = Vault.open(self.path, password).contents.phrases[0]
        secret, holds, language = _shared(kept)
        shares = split(secret, threshold, [(needed, count) for needed, count in groups], passphrase)
        return {"groups": shares, "holds": holds, "language": language}

    def restore_shares(
        self, shares: list[Any], passphrase: str, holds: str, words: dict[str, Any], password: str, profile: str
    ) -> Frame:
        """A vault from shares; `words` has the language and passphrase of the phrase that they are of."""
        if self.path.exists():
            raise VaultExists(str(self.path))
        kept = from_shares(shares, passphrase, holds, words)
        self.make(Contents((kept,)), password, profile, backed_up=True)
        return self.status()

    def prove(self, phrase: str, passphrase: str) -> Frame:
        """Do these words open this vault's wallet? Needs no password and shows nothing of either."""
        return self._proved([KeptPhrase(mnemonic, passphrase) for mnemonic in readings(phrase)])

    def prove_shares(self, shares: list[Any], passphrase: str, holds: str, words: dict[str, Any]) -> Frame:
        """Do these shares? As `restore_shares` would read them."""
        return self._proved([from_shares(shares, passphrase, holds, words)])

    def _proved(self, found: list[Kept]) -> Frame:
        """Which accounts these keys cover, of those that the vault tells of."""
        if not self.path.exists():
            raise VaultMissing(str(self.path))
        public = read_public(self.path)
        best: list[str] = []
        opens = False
        for tree in (KeyTree(kept.seed()) for kept in found):
            owned = [
                entry.address
                for entry in public.accounts
                if entry.path and tree.key(DerivationPath(entry.path)).address == entry.address
            ]
            is_root = tree.root().address == public.root
            if is_root or len(owned) > len(best):
                best, opens = list(owned), opens or is_root
        rest = [entry.address for entry in public.accounts if entry.address not in best]
        return {"root": opens, "covered": best, "uncovered": rest}


RECOVERING: dict[str, tuple[Callable[..., Frame], dict[str, type]]] = {
    **KEEPING,
    "split": (Recovery.split, {"password": str, "threshold": int, "groups": list, "passphrase": str}),
    "restore_shares": (
        Recovery.restore_shares,
        {"shares": list, "passphrase": str, "holds": str, "words": dict, "password": str, "profile": str},
    ),
    "prove": (Recovery.prove, {"phrase": str, "passphrase": str}),
    "prove_shares": (Recovery.prove_shares, {"shares": list, "passphrase": str, "holds": str, "words": dict}),
}


def _shared(kept: Kept) -> tuple[bytes, str, str]:
    if isinstance(kept, KeptSecret):
        return kept.raw, OF_WALLET, ""
    return kept.mnemonic.entropy, OF_PHRASE, kept.mnemonic.language.value


def from_shares(shares: list[Any], passphrase: str, holds: str, words: dict[str, Any]) -> Kept:
    """Raises SharesUnfit for a secret that is no phrase's entropy, and what putting shares together raises."""
    texts = all(isinstance(one, str) for one in (*shares, *words.values()))
    if holds not in (OF_PHRASE, OF_WALLET) or not texts or set(words) != {"language", "passphrase"}:
        raise CallRefused("shares", "arguments")
    secret = combine(shares, passphrase)
    if holds == OF_WALLET:
        return KeptSecret(secret)
    if words["language"] not in list(Language):
        raise PhraseAmbiguous([language.value for language in Language])
    try:
        return KeptPhrase(Mnemonic(secret, Language(words["language"])), words["passphrase"])
    except ValueError:
        raise SharesUnfit("what they hold is no recovery phrase") from None
