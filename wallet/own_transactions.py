"""Transactions of one's own that are no payment to somebody: replaced ones, allowances taken back, whole balances.

What the person's node says of an earlier transaction or an allowance is its claim; what is signed is reviewed from its
bytes like everything else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from chain.address import Address
from chain.block import Receipt
from chain.erc20 import transfer
from chain.errors import AnswerMalformed, FeeTooHigh, TransactionUnseen
from chain.fees import FEE_CAP
from chain.node import Node
from chain.node_provider import Call
from chain.outcome import Outcome
from chain.quantity import quantity
from chain.simulation import simulate
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest, TransactionType
from chain.transaction_answer import parse_transaction
from wallet.allowances import Allowance, Given, read_allowances
from wallet.contacts import addresses_of, contacts_of
from wallet.errors import FundsMissing, InputMalformed
from wallet.in_flight import OPEN, Fate, Kept, Line, Seen, fate_of, missing
from wallet.purse import DESCRIPTORS, TOKENS, no_such_asset
from wallet.review import Known, Review
from wallet.review_transactions import Observed, review_transaction
from wallet.second_node import cross_checked, host_of
from wallet.tokens import RECEIPT_SECONDS, Sent, check_chain, drifted, node_of
from wallet.wallet import Wallet

_GAS_OF_NOTHING = 21_000
_OF_A_TRANSACTION = ("eth_getTransactionReceipt", "eth_getTransactionByHash")


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction that is not signed yet. `outcome` is what the node foresees, None where none was asked."""

    request: TransactionRequest
    review: Review
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class InFlight:
    """One account's transactions whose end was not known from here, with what became of them; and missing numbers."""

    account: Address
    line: Line
    transactions: tuple[tuple[Kept, Fate], ...]
    missing: tuple[int, ...]


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
            highest, tip = dearer(before, now, node.fee_cap)
            tip = highest if before.type.has_one_price else tip
            return await self.plan(replace(wanted, max_fee_per_gas=highest, max_priority_fee_per_gas=tip), node)

    async def in_flight(self, account: Address) -> InFlight:
        """What became of what was sent from here, by (sender, nonce); it is kept."""
        async with self.node() as node:
            await check_chain(node, self.purse)
            return await self._in_flight(node, account)

    async def filled(self, owner: Address, number: int) -> Plan:
        """Nothing, to oneself, under a number that is missing. Raises InputMalformed for another one."""
        async with self.node() as node:
            await check_chain(node, self.purse)
            found = await self._in_flight(node, owner)
            if number < found.line.mined:
                raise InputMalformed("number", str(number), "a block has it already")
            if number != found.line.pending and number not in found.missing:
                raise InputMalformed("number", str(number), "it is not missing: `tandem pending` says which are")
            chain_id = self._network.chain_id
            blank = TransactionRequest(chain_id, owner, sender=owner, nonce=number, gas=_GAS_OF_NOTHING)
            return await self.plan(await node.prepare(blank), node)

    async def _in_flight(self, node: Node, account: Address) -> InFlight:
        kept = [one for one in self.purse.sent() if one.sender == account and one.state in OPEN]
        asked: list[Call] = [("eth_getTransactionCount", (account, tag)) for tag in ("latest", "pending")]
        asked += [(method, (one.hash,)) for one in kept for method in _OF_A_TRANSACTION]
        mined, pending, *told = await node.batch(asked)
        line = Line(quantity(mined, 63), quantity(pending, 63))
        judged = []
        for one, receipt, known in zip(kept, told[::2], told[1::2], strict=True):
            succeeded = None if receipt is None else Receipt.parse(receipt).succeeded
            judged.append((one, fate_of(one, Seen(succeeded, known is not None), line)))
            self.purse.keep_state(one.hash, judged[-1][1])
        waiting = [one.nonce for one, fate in judged if fate is Fate.WAITING]
        ordered = sorted(judged, key=lambda pair: (pair[0].nonce, pair[0].hash))
        return InFlight(account, line, tuple(ordered), tuple(missing(line, waiting)))

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
        """The review of a prepared transaction; without a node (signed elsewhere) nothing is simulated."""
        sender = request.sender
        assert sender is not None
        own = frozenset((await self._wallet.keys()).accounts)
        met = self.purse.met() | addresses_of(contacts_of(self._wallet.store.read("contacts")))
        networks = {self._network.chain_id: self._network.name}
        known = Known(TOKENS, own, met, networks, descriptors=DESCRIPTORS)
        outcome = None if node is None else await simulate(node, request)
        shown = review_transaction(
            request.unsigned_payload,
            known,
            sender=sender,
            host=self._network.url,
            observed=Observed(node=host_of(self._network.url), outcome=outcome),
        )
        if node is not None:
            shown = await cross_checked(shown, self._network, node, request, known, outcome=outcome)
        return Plan(request, shown, outcome)

    async def submit(self, plan: Plan) -> str:
        """Signs what was reviewed and hands it to the node; the hash. Its number is used from then on."""
        signer, sender = await self._wallet.signer(), plan.request.sender
        assert sender is not None
        signed = await signer.sign_transaction(plan.request.unsigned_payload, sender, plan.review.digest)
        async with self.node() as node:
            await node.send_raw(signed.raw)
        self.purse.keep_number(signed.hash_hex, sender, plan.request.nonce, "sent")
        return signed.hash_hex

    async def settle(self, plan: Plan, transaction: str) -> Sent:
        """Waits for a block, for a while."""
        async with self.node() as node:
            try:
                receipt = await node.wait_for_receipt(bytes.fromhex(transaction[2:]), RECEIPT_SECONDS)
            except (TransactionUnseen, asyncio.CancelledError):  # Ctrl-C takes nothing back: it was sent
                return Sent(transaction, None)
        self.purse.keep_state(transaction, "done" if receipt.succeeded else "failed")
        self.purse.keep_block(receipt.block_number, receipt.block_hash)
        told = drifted(plan.request, plan.outcome, receipt, host_of(self._network.url))
        return Sent(transaction, receipt, drift=told)


def read_pending(found: object, transaction: bytes, chain_id: int) -> TransactionRequest:
    """Of eth_getTransactionByHash, as a request with its sender. Raises InputMalformed, AnswerMalformed.

    The node is not believed: what it tells has to have the hash that was asked for.
    """
    shown = "0x" + transaction.hex()
    if found is None:
        raise InputMalformed("transaction", shown, "the node knows none of that hash")
    if not isinstance(found, dict):
        raise AnswerMalformed("a transaction is expected")
    if found.get("blockNumber") is not None:
        raise InputMalformed("transaction", shown, "a block has it already")
    signed = parse_transaction(found)
    if (signed.hash, signed.request.chain_id) != (transaction, chain_id):
        raise AnswerMalformed("another transaction than was asked for")
    return signed.request


def dearer(before: TransactionRequest, now: TransactionRequest, cap: int = FEE_CAP) -> tuple[int, int]:
    """Highest fee and tip of today, and at least an eighth above those before: less is not taken in their place.

    Raises FeeTooHigh where that passes `cap`: also a fee that rose by an eighth many times.
    """
    pairs = (
        (before.max_fee_per_gas, now.max_fee_per_gas),
        (before.max_priority_fee_per_gas, now.max_priority_fee_per_gas),
    )
    highest, tip = (max(new or 0, (old or 0) + (old or 0) // 8 + 1) for old, new in pairs)
    if max(highest, tip) > cap:
        raise FeeTooHigh(max(highest, tip), cap)
    return max(highest, tip), tip


def _cancelled(before: TransactionRequest) -> TransactionRequest:
    """Nothing, from the account to itself, under the same number."""
    return TransactionRequest(
        before.chain_id,
        before.sender,
        0,
        b"",
        before.sender,
        before.nonce,
        before.max_priority_fee_per_gas,
        before.max_fee_per_gas,
        _GAS_OF_NOTHING,
        type=TransactionType.LEGACY if before.type.has_one_price else TransactionType.DYNAMIC_FEE,
    )
