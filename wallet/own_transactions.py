"""Transactions of one's own that are no payment to somebody: replaced ones, allowances taken back, whole balances.

What the person's node says of an earlier transaction or an allowance is its claim; what is signed is reviewed from its
bytes like everything else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from chain.address import Address
from chain.block import Log, Receipt
from chain.calldata import encode_call
from chain.erc20 import decode_uint, transfer
from chain.errors import AnswerMalformed, CalldataMalformed, FeeTooHigh, NodeRefused, TransactionUnseen
from chain.fees import FEE_CAP
from chain.keccak import keccak256
from chain.node import Node
from chain.node_provider import Call
from chain.quantity import quantity
from chain.token import UNITS_MAX, Token, TokenAmount
from chain.transaction import TransactionRequest, TransactionType
from chain.transaction_answer import parse_transaction
from wallet.contacts import addresses_of, contacts_of
from wallet.errors import FundsMissing, InputMalformed
from wallet.in_flight import OPEN, Fate, Kept, Line, Seen, fate_of, missing
from wallet.purse import DESCRIPTORS, TOKENS, no_such_asset
from wallet.review import Known, Review
from wallet.review_transactions import review_transaction
from wallet.tokens import RECEIPT_SECONDS, Sent, check_chain, node_of
from wallet.wallet import Wallet

APPROVAL_TOPIC = keccak256(b"Approval(address,address,uint256)")
APPROVAL_FOR_ALL_TOPIC = keccak256(b"ApprovalForAll(address,address,bool)")
ALLOWANCES_MAX = 500
LOG_BLOCKS, RANGES_MAX = 1000, 1000
"""A range that relays take, and how many of them are asked for."""
_GAS_OF_NOTHING = 21_000
_OF_A_TRANSACTION = ("eth_getTransactionReceipt", "eth_getTransactionByHash")


@dataclass(frozen=True, slots=True)
class Plan:
    """A transaction that is not signed yet."""

    request: TransactionRequest
    review: Review


@dataclass(frozen=True, slots=True)
class Allowance:
    """`units` that `spender` may take; None where it may take everything of a collection (ERC-721, ERC-1155)."""

    owner: Address
    token: Address
    symbol: str
    spender: Address
    units: int | None
    shown: str


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
            return await self.plan(replace(wanted, max_fee_per_gas=highest, max_priority_fee_per_gas=tip))

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
            return await self.plan(await node.prepare(blank))

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
            logs = [log for log in await _approvals(node, owner, from_block) if len(log.topics) == 3]
            given = list(dict.fromkeys((log.address, _spender(log), log.topics[0]) for log in logs))
            found = []
            for token, spender, kind in given[-ALLOWANCES_MAX:]:
                found.append(await self._allowance(node, owner, token, spender, is_all=kind == APPROVAL_FOR_ALL_TOPIC))
        return [allowance for allowance in found if allowance is not None]

    async def revoked(self, owner: Address, token: Address, spender: Address, *, is_all: bool) -> Plan:
        """Nothing may be taken any more."""
        call = (
            encode_call("setApprovalForAll(address,bool)", spender, False)
            if is_all
            else encode_call("approve(address,uint256)", spender, 0)
        )
        async with self.node() as node:
            await check_chain(node, self.purse)
            request = TransactionRequest(self._network.chain_id, token, data=call, sender=owner)
            return await self.plan(await node.prepare(request))

    async def swept(self, owner: Address, token: Token, receiver: Address) -> Plan:
        """Everything of one asset; of the chain's own coin, what the highest fee leaves. Raises FundsMissing."""
        async with self.node() as node:
            await check_chain(node, self.purse)
            (held,) = await node.balances(owner, [token])
            if held is None or held.units == 0:
                zero = TokenAmount(0, token).format()
                raise FundsMissing(token.symbol, zero, zero, zero)
            if token.address is not None:
                return await self.plan(await node.prepare(transfer(held, receiver, owner)))
            request = await node.prepare(transfer(TokenAmount(1, token), receiver, owner))
            left = held.units - request.fee_max
            if left <= 0:
                fee = TokenAmount(request.fee_max, token)
                raise FundsMissing(token.symbol, held.format(), fee.format(), TokenAmount(-left, token).format())
            return await self.plan(replace(request, value=left))

    async def plan(self, request: TransactionRequest) -> Plan:
        """The review of a prepared transaction."""
        sender = request.sender
        assert sender is not None
        own = frozenset((await self._wallet.keys()).accounts)
        met = self.purse.met() | addresses_of(contacts_of(self._wallet.store.read("contacts")))
        networks = {self._network.chain_id: self._network.name}
        known = Known(TOKENS, own, met, networks, descriptors=DESCRIPTORS)
        return Plan(request, review_transaction(request.unsigned_payload, known, sender=sender, host=self._network.url))

    async def submit(self, plan: Plan) -> str:
        """Signs what was reviewed and hands it to the node; the hash. Its number is used from then on."""
        signer, sender = await self._wallet.signer(), plan.request.sender
        assert sender is not None
        signed = await signer.sign_transaction(plan.request.unsigned_payload, sender, plan.review.digest)
        async with self.node() as node:
            await node.send_raw(signed.raw)
        self.purse.keep_number(signed.hash_hex, sender, plan.request.nonce, "sent")
        return signed.hash_hex

    async def settle(self, transaction: str) -> Sent:
        """Waits for a block, for a while."""
        async with self.node() as node:
            try:
                receipt = await node.wait_for_receipt(bytes.fromhex(transaction[2:]), RECEIPT_SECONDS)
            except (TransactionUnseen, asyncio.CancelledError):  # Ctrl-C takes nothing back: it was sent
                return Sent(transaction, None)
        self.purse.keep_state(transaction, "done" if receipt.succeeded else "failed")
        self.purse.keep_block(receipt.block_number, receipt.block_hash)
        return Sent(transaction, receipt)

    async def _allowance(
        self, node: Node, owner: Address, token: Address, spender: Address, *, is_all: bool
    ) -> Allowance | None:
        """As the contract says now; None for nothing, and for what answers like no token."""
        view = "isApprovedForAll(address,address)" if is_all else "allowance(address,address)"
        try:
            units = decode_uint(await node.read(token, encode_call(view, owner, spender)))
        except (AnswerMalformed, NodeRefused):
            return None
        if units == 0:
            return None
        listed = TOKENS.by_address(self._network.chain_id, token)
        if is_all:
            return Allowance(owner, token, "", spender, None, "")
        shown = "" if units > UNITS_MAX // 2 or listed is None else TokenAmount(units, listed).format()
        return Allowance(owner, token, listed.symbol if listed else "", spender, units, shown)


async def _approvals(node: Node, owner: Address, from_block: int) -> list[Log]:
    """Logs in which this account let somebody take something; in short ranges where the node wants those."""
    kinds = ["0x" + topic.hex() for topic in (APPROVAL_TOPIC, APPROVAL_FOR_ALL_TOPIC)]
    topics = [kinds, "0x" + owner.raw.rjust(32, b"\0").hex()]
    try:
        return await node.logs({"fromBlock": hex(from_block), "toBlock": "latest", "topics": topics})
    except NodeRefused:
        height = await node.height()
    if (height - from_block) // LOG_BLOCKS > RANGES_MAX:
        raise InputMalformed("block", str(from_block), "the node shows too few blocks at a time: name a later one")
    logs: list[Log] = []
    for start in range(from_block, height + 1, LOG_BLOCKS):
        end = min(start + LOG_BLOCKS - 1, height)
        logs += await node.logs({"fromBlock": hex(start), "toBlock": hex(end), "topics": topics})
    return logs


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


def _spender(log: Log) -> Address:
    try:
        return Address.from_bytes(log.topics[2][12:])
    except (CalldataMalformed, ValueError):
        raise AnswerMalformed("a spender is expected") from None
