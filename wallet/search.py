"""Looking for accounts: those of a phrase that a chain has seen, and the path or passphrase that gives an address.

Both are bounded, and tell how far they are. The first asks the person's node about each address, which links them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chain.address import Address
from chain.node import Node
from chain.quantity import quantity
from chain.token import Token
from wallet.signing import Signer

GAP_MAX = 200
INDEXES_MAX = 10_000
PASSPHRASES_MAX = 100
_CHUNK = 500
_ASKED_AT_ONCE = 10

Tell = Callable[[int, int], None]
"""Called with how many were tried, and of how many at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """`phrase` counts from 0; `passphrase` is the number of the one typed, from 1; 0 is the phrase's own."""

    phrase: int
    path: str
    passphrase: int = 0


async def find(
    signer: Signer,
    address: Address,
    phrases: int,
    passphrases: Sequence[str],
    patterns: Iterable[str],
    indexes: int,
    tell: Tell,
) -> Found | None:
    """The path that gives the address: the likeliest patterns first, below `indexes`; every passphrase for each."""
    chunks = [["m"]]
    for pattern in patterns:
        paths = [pattern.format(index) for index in range(indexes)]
        chunks += [paths[start : start + _CHUNK] for start in range(0, indexes, _CHUNK)]
    tried, total = 0, sum(map(len, chunks)) * phrases * (1 + len(passphrases))
    for paths in chunks:
        for phrase in range(phrases):
            for number, passphrase in enumerate(["", *passphrases]):
                path = await signer.find(phrase, address, paths, passphrase)
                if path:
                    return Found(phrase, path, number)
                tried += len(paths)
                tell(tried, total)
    return None


async def used_paths(
    signer: Signer, node: Node, tokens: Sequence[Token], phrase: int, pattern: str, gap: int, tell: Tell
) -> list[str]:
    """Paths whose address has sent, or holds something, until `gap` unused ones follow each other (BIP-44)."""
    used: list[str] = []
    index, unused = 0, 0
    while unused < gap and index < INDEXES_MAX:
        paths = [pattern.format(number) for number in range(index, index + _ASKED_AT_ONCE)]
        for path, address in zip(paths, await signer.addresses(phrase, paths), strict=True):
            is_used = unused < gap and await is_known(node, address, tokens)
            unused = 0 if is_used else unused + 1
            used += [path] if is_used else []
        index += _ASKED_AT_ONCE
        tell(index, index + max(gap - unused, 0))
    return used


async def is_known(node: Node, address: Address, tokens: Sequence[Token]) -> bool:
    """Has the chain seen it: sent from it, or does it hold one of these tokens?"""
    if quantity(await node.call("eth_getTransactionCount", (address, "latest")), 64) > 0:
        return True
    held = await node.balances(address, tokens)
    return any(amount is not None and amount.units > 0 for amount in held)
