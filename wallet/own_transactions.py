"""Transactions of one's own that are no payment to somebody: replaced ones, allowances taken back, whole balances.

What the person's node says of an earlier transaction or an allowance is its claim; what is signed is reviewed from its
bytes like everything else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from chain.address import Address
from chain.erc20 import transfer
from chain.errors import AnswerMalformed, TransactionUnseen
from chain.node import Node
from chain.quantity import data, quantity
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from wallet.allowances import Allowance, Given, read_allowances
from wallet.contacts import addresses_of, contacts_of
from wallet.errors import FundsMissing, InputMalformed
from wallet.purse import DESCRIPTORS, TOKENS, no_such_asset
from wallet.review import Known, Review
from wallet.review_transactions import review_transaction
from wallet.second_node import cross_checked
from wallet.tokens import RECEIPT_SECONDS, Sent, check_chain, node_of
from wallet.wallet import Wallet

_GAS_OF_NOTHING = 21_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction that is not signed yet."""

    request: TransactionRequest
    review: Review


class OwnTransactions:
    """For a wallet, on its current network."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet, self._network = wallet, wallet.purse.network
        self.purse = wallet.purse

    def token(self, text: str) -> Address:
        """A contract by its address, or by its name in the list. Raises AddressMalformed, AssetUnknown."""
        if text.lower().startswith("0x"):
            return Address(text)
        found = self.purse.token(text)
        if found is None or found.address is None:
            raise no_such_asset(text, [], [token for token in self.purse.listed() if token.address is not None])
        return found.address

    def node(self) -> Node:
        """Close it."""
        return node_of(self._network)

    async def replaced(self, transaction: bytes, *, cancelled: bool) -> Plan:
        """The same transaction, or none in its place, at a fee that nodes take instead. Raises InputMalformed."""
        async with self.node() as node:
            await check_chain(node, self.purse)
            found = await node.call("eth_getTransactionByHash", ["0x" + transaction.hex()])
            before = read_pending(found, transaction, self._network.chain_id)
            sender = before.sender
            assert sender is not None
            if sender not in (await self._wallet.keys()).accounts:
                raise InputMalformed("transaction", "0x" + transaction.hex(), "it is not of an account of yours")
            wanted = _cancelled(before) if cancelled else before
            blank = replace(wanted, max_fee_per_gas=None, max_priority_fee_per_gas=None)
            now = await node.prepare(blank)
            highest, tip = dearer(before, now)
            return await self.plan(replace(wanted, max_fee_per_gas=highest, max_priority_fee_per_gas=tip), node)

    async def allowances(self, owner: Address, from_block: int = 0) -> list[Allowance]:
        """What others may still take of this account, by the logs since `from_block` and the contracts now."""
        async with self.node() as node:
            await check_chain(node, self.purse)
            return await read_allowances(node, self._network.chain_id, owner, TOKENS, from_block)

    async def revoked(self, owner: Address, given: Given) -> Plan:
        """Nothing may be taken any more."""
        to, call = given.taken_back()
        async with self.node() as node:
            await check_chain(node, self.purse)
            request = TransactionRequest(self._network.chain_id, to, data=call, sender=owner)
            return await self.plan(await node.prepare(request), node)

    async def swept(self, owner: Address, token: Token, receiver: Address) -> Plan:
        """Everything of one asset; of the chain's own coin, what the highest fee leaves. Raises FundsMissing."""
        async with self.node() as node:
            await check_chain(node, self.purse)
            (held,) = await node.balances(owner, [token])
            if held is None or held.units == 0:
                zero = TokenAmount(0, token).format()
                raise FundsMissing(token.symbol, zero, zero, zero)
            if token.address is not None:
                return await self.plan(await node.prepare(transfer(held, receiver, owner)), node)
            request = await node.prepare(transfer(TokenAmount(1, token), receiver, owner))
            left = held.units - request.fee_max
            if left <= 0:
                fee = TokenAmount(request.fee_max, token)
                raise FundsMissing(token.symbol, held.format(), fee.format(), TokenAmount(-left, token).format())
            return await self.plan(replace(request, value=left), node)

    async def plan(self, request: TransactionRequest, node: Node | None = None) -> Plan:
        """The review of a prepared transaction; without a node (signed elsewhere) nothing is cross-checked."""
        sender = request.sender
        assert sender is not None
        own = frozenset((await self._wallet.keys()).accounts)
        met = self.purse.met() | addresses_of(contacts_of(self._wallet.store.read("contacts")))
        networks = {self._network.chain_id: self._network.name}
        known = Known(TOKENS, own, met, networks, descriptors=DESCRIPTORS)
        shown = review_transaction(request.unsigned_payload, known, sender=sender, host=self._network.url)
        if node is not None:
            shown = await cross_checked(shown, self._network, node, request, known)
        return Plan(request, shown)

    async def send(self, plan: Plan) -> Sent:
        """Signs what was reviewed and hands it to the node; waits for a block, for a while."""
        signer, sender = await self._wallet.signer(), plan.request.sender
        assert sender is not None
        signed = await signer.sign_transaction(plan.request.unsigned_payload, sender, plan.review.digest)
        async with self.node() as node:
            await node.send_raw(signed.raw)
            try:
                receipt = await node.wait_for_receipt(signed.hash, RECEIPT_SECONDS)
            except (TransactionUnseen, asyncio.CancelledError):  # Ctrl-C takes nothing back: it was sent
                return Sent(signed.hash_hex, None)
        self.purse.keep_block(receipt.block_number, receipt.block_hash)
        return Sent(signed.hash_hex, receipt)


def read_pending(found: object, transaction: bytes, chain_id: int) -> TransactionRequest:
    """Of eth_getTransactionByHash, as a request with its sender. Raises InputMalformed, AnswerMalformed."""
    shown = "0x" + transaction.hex()
    if found is None:
        raise InputMalformed("transaction", shown, "the node knows none of that hash")
    if not isinstance(found, dict):
        raise AnswerMalformed("a transaction is expected")
    if found.get("blockNumber") is not None:
        raise InputMalformed("transaction", shown, "a block has it already")
    price = found.get("gasPrice")
    to = found.get("to")
    return TransactionRequest(
        chain_id,
        Address(str(to)) if to else None,
        quantity(found.get("value")),
        data(found.get("input", "0x")),
        Address(str(found.get("from"))),
        quantity(found.get("nonce"), 64),
        quantity(found.get("maxPriorityFeePerGas", price)),
        quantity(found.get("maxFeePerGas", price)),
        quantity(found.get("gas"), 64),
    )


def dearer(before: TransactionRequest, now: TransactionRequest) -> tuple[int, int]:
    """Highest fee and tip of today, and at least an eighth above those before: less is not taken in their place."""
    pairs = (
        (before.max_fee_per_gas, now.max_fee_per_gas),
        (before.max_priority_fee_per_gas, now.max_priority_fee_per_gas),
    )
    highest, tip = (max(new or 0, (old or 0) + (old or 0) // 8 + 1) for old, new in pairs)
    return max(highest, tip), tip


def _cancelled(before: TransactionRequest) -> TransactionRequest:
    """Nothing, from the account to itself, under the same number."""
    return replace(before, to=before.sender, value=0, data=b"", access_list=(), gas=_GAS_OF_NOTHING)
