"""What the person knows on one network: shipped lists, pins of first use, addresses sent to. No node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chain.address import Address
from chain.descriptor import Descriptor
from chain.token import Token, TokenAmount
from chain.token_list import TokenList
from wallet.contacts import sent_to
from wallet.errors import AssetUnknown, TokenChanged
from wallet.in_flight import OPEN, Kept, read_kept
from wallet.networks import Network
from wallet.state import Document, Store

TOKENS = TokenList.parse(Path(__file__).with_name("tokens.json").read_bytes())
DESCRIPTORS = tuple(
    Descriptor.parse(path.read_bytes()) for path in sorted((Path(__file__).parent / "descriptors").glob("*.json"))
)
"""Of ERC-7730, as they ship with the client."""
_OF_A_LIFE = ("tokens", "sent", "chain")
NUMBERS_MAX = 1000


class Purse:
    """What is kept of one network. `notices` are things to be told (chain-restarted)."""

    def __init__(self, network: Network, store: Store) -> None:
        self.network = network
        self.notices: list[str] = []
        self._folder = store.chain(network.chain_id)

    def listed(self) -> list[Token]:
        """The chain's own coin and the tokens of the list that ships with the client."""
        return [Token.native(self.network.chain_id), *TOKENS.on_chain(self.network.chain_id)]

    def token(self, symbol: str) -> Token | None:
        """Of that name, as at first use. Raises TokenChanged."""
        found = next((t for t in self.listed() if t.symbol.casefold() == symbol.casefold()), None)
        if found is not None and found.address is not None:
            self._check_pin(found)
        return found

    def met(self) -> frozenset[Address]:
        """Addresses that were sent to from here, whose sending succeeded; what merely came in never counts."""
        return sent_to(self._folder.read("sent"))

    def sent(self) -> list[Kept]:
        """Transactions of ours whose numbers are known, in no order."""
        return read_kept(self._folder.read("sent"))

    def keep_number(self, transaction_hash: str, sender: Address, nonce: int | None, state: str) -> None:
        """A transaction of ours that is no payment to somebody, until its end is known; NUMBERS_MAX of them."""
        entry = {"from": sender, "nonce": str(nonce), "state": state}

        def edit(document: Document) -> None:
            numbers = sorted(
                (int(known["nonce"]), name)
                for name, known in document.items()
                if "to" not in known and "nonce" in known
            )
            for _number, name in numbers[: max(0, len(numbers) + 1 - NUMBERS_MAX)]:
                del document[name]
            document[transaction_hash] = entry

        self._folder.change("sent", edit)

    def keep_state(self, transaction_hash: str, state: str) -> None:
        """What became of one that is kept; of what was no payment, the end is told and forgotten."""

        def edit(document: Document) -> None:
            entry = document.get(transaction_hash)
            if entry is None:
                return
            if state in OPEN or "to" in entry:
                document[transaction_hash] = {**entry, "state": state}
            else:
                del document[transaction_hash]

        self._folder.change("sent", edit)

    def keep(
        self,
        transaction_hash: str,
        amount: TokenAmount,
        receiver: Address,
        state: str,
        sender: Address,
        nonce: int | None,
    ) -> None:
        """What became of a payment of ours; its token is pinned."""
        token = amount.token
        entry = {"to": receiver, "asset": token.symbol, "amount": amount.format(), "state": state}
        entry |= {"from": sender, "nonce": str(nonce)}
        self._folder.change("sent", lambda document: document.update({transaction_hash: entry}))
        if token.address is not None:
            pin: Document = {"address": token.address, "decimals": token.decimals}
            self._folder.change("tokens", lambda document: document.setdefault(token.symbol, pin))

    def genesis(self) -> bytes | None:
        """The first block's hash, as at first use."""
        known = self._folder.read("chain").get("genesis")
        return bytes.fromhex(known) if known else None

    def keep_genesis(self, block_hash: bytes) -> None:
        """Another one than before sets aside what was known of the old chain."""
        if self.genesis() not in (None, block_hash):
            self.set_aside()
        self._folder.change("chain", lambda document: document.update({"genesis": block_hash.hex()}))

    def block(self) -> tuple[int, bytes] | None:
        """Number and hash of the last block that one of our transactions was seen in."""
        known = self._folder.read("chain").get("block")
        return (int(known["number"]), bytes.fromhex(known["hash"])) if known else None

    def keep_block(self, number: int, block_hash: bytes) -> None:
        entry = {"number": number, "hash": block_hash.hex()}
        self._folder.change("chain", lambda document: document.update({"block": entry}))

    def set_aside(self) -> None:
        """What was known of a chain that is gone counts no more; it is kept below `earlier`, and a notice says so."""
        self.notices.append("chain-restarted")
        known = {name: document for name in _OF_A_LIFE if (document := self._folder.read(name))}
        past = self._folder.below("earlier")
        if known:
            numbers = [int(name) for name in past.names() if name.isdecimal()]
            past.put(str(max(numbers, default=0) + 1), known)
        for name in _OF_A_LIFE:
            self._folder.remove(name)

    def _check_pin(self, token: Token) -> None:
        pin: Any = self._folder.read("tokens").get(token.symbol)
        if pin is None:
            return
        if pin["address"] != token.address:
            raise TokenChanged(token.symbol, "address", pin["address"], str(token.address))
        if pin["decimals"] != token.decimals:
            raise TokenChanged(token.symbol, "decimals", str(pin["decimals"]), str(token.decimals))


def no_such_asset(asset: str, currencies: list[str], tokens: list[Token]) -> AssetUnknown:
    """With the names that would have been right."""
    return AssetUnknown(asset[:40], [*currencies, *(token.symbol for token in tokens)])
