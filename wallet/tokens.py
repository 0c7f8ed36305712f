"""The token rail: transactions of the person's own chain accounts, over any JSON-RPC node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.address import Address
from chain.block import Receipt
from chain.calldata import encode_call
from chain.erc20 import decode_uint, transfer
from chain.errors import InsufficientToken, TransactionUnseen, WrongGenesis
from chain.node import Node
from chain.quantity import to_hex
from chain.token import Token, TokenAmount
from chain.token_list import TokenList
from chain.transaction import TransactionRequest
from wallet.errors import AssetUnknown, FundsMissing, TokenChanged
from wallet.networks import Network
from wallet.review import Known, Review, review_transaction
from wallet.signing import Signer
from wallet.state import Document, Store

TOKENS = TokenList.parse(Path(__file__).with_name("tokens.json").read_bytes())
RECEIPT_SECONDS = 30
_DECIMALS = encode_call("decimals()")


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """A transaction that is not signed yet."""

    request: TransactionRequest
    amount: TokenAmount
    receiver: Address
    review: Review


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that a node took. `receipt` is None while no block has it."""

    hash: str
    receipt: Receipt | None


class Purse:
    """The person's tokens on one network. `notices` are things to be told (chain-restarted)."""

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

    async def plan(
        self,
        node: Node,
        amount: TokenAmount,
        receiver: Address,
        sender: Address,
        own: frozenset[Address],
        payee: str = "",
        payee_known: bool = True,
    ) -> TokenPlan:
        """A prepared transfer and its review. Raises ReceiverRefused, FundsMissing, InsufficientNative and others."""
        await self._check_chain(node)
        request = transfer(amount, receiver, sender)
        try:
            request = await node.prepare(request)
        except InsufficientToken as error:
            raise missing(amount, error.available_units) from None
        if amount.token.address is not None:
            await self._check_decimals(node, amount.token)
        known = Known(TOKENS, own, self.met(), {self.network.chain_id: self.network.name})
        review = review_transaction(
            request.unsigned_payload, known, sender=sender, host=node.url, payee=payee, payee_known=payee_known
        )
        return TokenPlan(request, amount, receiver, review)

    async def send(self, node: Node, signer: Signer, plan: TokenPlan) -> Sent:
        """Signs what was reviewed and hands it to the node; waits for a block, for a while."""
        assert plan.request.sender is not None
        signed = await signer.sign_transaction(plan.request.unsigned_payload, plan.request.sender, plan.review.digest)
        self._keep(signed.hash_hex, plan, "signed")
        await node.send_raw(signed.raw)
        self._keep(signed.hash_hex, plan, "sent")
        try:
            receipt = await node.wait_for_receipt(signed.hash, RECEIPT_SECONDS)
        except TransactionUnseen:
            return Sent(signed.hash_hex, None)
        self._keep(signed.hash_hex, plan, "done" if receipt.succeeded else "failed")
        return Sent(signed.hash_hex, receipt)

    def met(self) -> frozenset[Address]:
        """Addresses that were sent to from here, whose sending succeeded; what merely came in never counts."""
        kept = self._folder.read("sent")
        return frozenset(Address(entry["to"]) for entry in kept.values() if entry.get("state") == "done")

    def _keep(self, transaction_hash: str, plan: TokenPlan, state: str) -> None:
        entry = {"to": plan.receiver, "asset": plan.amount.token.symbol, "amount": plan.amount.format(), "state": state}
        self._folder.change("sent", lambda document: document.update({transaction_hash: entry}))
        if plan.amount.token.address is not None:
            self._keep_pin(plan.amount.token)

    async def _check_chain(self, node: Node) -> None:
        """The same chain as before, told by its first block. A restarted local one is taken up, and said so."""
        known = self._folder.read("chain").get("genesis")
        try:
            identity = await node.check(bytes.fromhex(known[2:]) if known else None)
        except WrongGenesis:
            if not self.network.is_local:
                raise
            identity = await node.check()
            self.notices.append("chain-restarted")
            self._folder.remove("tokens")
            self._folder.remove("sent")
        self._folder.put("chain", {"genesis": to_hex(identity.genesis_hash)})

    async def _check_decimals(self, node: Node, token: Token) -> None:
        assert token.address is not None
        decimals = decode_uint(await node.read(token.address, _DECIMALS))
        if decimals != token.decimals:
            raise TokenChanged(token.symbol, "decimals", str(token.decimals), str(decimals))

    def _check_pin(self, token: Token) -> None:
        pin: Any = self._folder.read("tokens").get(token.symbol)
        if pin is None:
            return
        if pin["address"] != token.address:
            raise TokenChanged(token.symbol, "address", pin["address"], str(token.address))
        if pin["decimals"] != token.decimals:
            raise TokenChanged(token.symbol, "decimals", str(pin["decimals"]), str(token.decimals))

    def _keep_pin(self, token: Token) -> None:
        entry: Document = {"address": token.address, "decimals": token.decimals}
        self._folder.change("tokens", lambda document: document.setdefault(token.symbol, entry))


def missing(amount: TokenAmount, available_units: int) -> FundsMissing:
    """In the token's own unit."""
    available = TokenAmount(available_units, amount.token)
    short = TokenAmount(amount.units - available_units, amount.token)
    return FundsMissing(amount.token.symbol, available.format(), amount.format(), short.format())


def no_such_asset(asset: str, currencies: list[str], tokens: list[Token]) -> AssetUnknown:
    return AssetUnknown(asset[:40], [*currencies, *(token.symbol for token in tokens)])
