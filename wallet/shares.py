"""Shares of a secret (SLIP-39, by Trezor's library): any threshold of groups, any threshold of members in each.

What is shared is either the entropy of a phrase of ours, as a backup of it, or the seed of a wallet that has shares and
no words, as the standard means it. Shares do not tell which. More shares than needed are fine; a wrong one is named.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.wordlist import WORDLIST

from wallet.errors import PassphraseUnfit, ShareMalformed, SharesMissing, SharesUnfit, ShareWordUnknown

SHARES_MAX = 256
SHARE_LENGTH_MAX = 600
EXPONENT_MAX = 10
"""Each step doubles the work of opening: this is 10 million rounds of PBKDF2, some seconds."""
_MEMBERS_MAX = 16


def split(secret: bytes, threshold: int, groups: Sequence[tuple[int, int]], passphrase: str) -> list[list[str]]:
    """Shares by group; a group is (how many of its shares are needed, how many there are). Raises SharesUnfit.

    The passphrase encrypts the secret and is never checked: another one gives another secret.
    """
    if not 1 <= threshold <= len(groups) <= _MEMBERS_MAX:
        raise SharesUnfit("there are 1 to 16 groups, and as many of them needed at most")
    if not all(1 <= needed <= count <= _MEMBERS_MAX for needed, count in groups):
        raise SharesUnfit("a group has 1 to 16 shares, and as many of them needed at most")
    if any(needed == 1 and count > 1 for needed, count in groups):
        raise SharesUnfit(
            "a share that is enough alone stands alone in its group"
        )  # the standard's rule: one that is enough alone is no share but a copy
    made: list[list[str]] = generate_mnemonics(threshold, list(groups), secret, _bytes(passphrase), extendable=True)
    return made


def combine(typed: Sequence[str], passphrase: str) -> bytes:
    """The secret. Raises ShareWordUnknown, ShareMalformed, SharesUnfit (not of one set), SharesMissing."""
    if len(typed) > SHARES_MAX:
        raise SharesUnfit("there are 1 to 16 groups, and as many of them needed at most")
    shares = [_read(number, text) for number, text in enumerate(typed, 1)]
    try:
        return bytes(combine_mnemonics([share.mnemonic() for share in _enough(shares)], _bytes(passphrase)))
    except MnemonicError:
        raise SharesUnfit("put together they do not fit") from None


def _read(number: int, text: str) -> Share:
    """`number` counts from 1. Words may be cut to their first four letters, which tell them apart."""
    words = unicodedata.normalize("NFKC", text[:SHARE_LENGTH_MAX]).lower().split()
    spelt = []
    for position, word in enumerate(words, 1):
        known = _starts().get(word[:4], "") if len(word) >= 4 else word
        if known not in _words() or not known.startswith(word):
            raise ShareWordUnknown(number, position, word[:20])
        spelt.append(known)
    try:
        share = Share.from_mnemonic(" ".join(spelt))
    except (MnemonicError, ValueError):
        raise ShareMalformed(number) from None
    if share.iteration_exponent > EXPONENT_MAX:
        raise SharesUnfit("opening them would take longer than is given")
    return share


def _enough(shares: Sequence[Share]) -> list[Share]:
    """As many of each group as are needed, of as many groups."""
    if len({(share.common_parameters(), len(share.value)) for share in shares}) > 1:
        raise SharesUnfit("they are not all of one set")
    groups: dict[int, dict[int, Share]] = {}
    for share in shares:
        members = groups.setdefault(share.group_index, {})
        if members.setdefault(share.index, share) != share:
            raise SharesUnfit("they are not all of one set")
    if any(len({share.member_threshold for share in members.values()}) > 1 for members in groups.values()):
        raise SharesUnfit("they are not all of one set")
    full = [list(members.values()) for members in groups.values() if len(members) >= _needed(members)]
    wanted = shares[0].group_threshold if shares else 1
    if len(full) < wanted:
        raise SharesMissing(len(full), wanted, [f"{len(m)}/{_needed(m)}" for m in groups.values()])
    return [share for members in full[:wanted] for share in members[: members[0].member_threshold]]


def _needed(members: dict[int, Share]) -> int:
    return int(next(iter(members.values())).member_threshold)


def _bytes(passphrase: str) -> bytes:
    """The standard allows printable ASCII alone. Raises PassphraseUnfit."""
    if not (passphrase.isascii() and (passphrase.isprintable() or not passphrase)):
        raise PassphraseUnfit()
    return passphrase.encode()


@lru_cache
def _words() -> frozenset[str]:
    return frozenset(WORDLIST)


@lru_cache
def _starts() -> dict[str, str]:
    return {word[:4]: word for word in WORDLIST}
