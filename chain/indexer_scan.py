"""Reads one stretch of blocks from a node and finds what the watched moved and allowed in it.

Each header's bloom says whether to look into its block; `eth_getLogs` is asked where a header has none. What is
recorded comes from receipts that the block's header proves, so a log that is missing, doubled, foreign or changed never
gets in, nor a wrong status. Exempt are a contract's logs where the indexer was told to take them as they come, and
inner moves, which only traces show and nothing proves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from chain.address import Address
from chain.block import Block, BlockTransaction, listed
from chain.bloom import may_hold
from chain.erc20 import Erc20Method, decode_erc20
from chain.errors import AnswerMalformed, AnswerTooLarge, NodeRefused, StretchTooLong
from chain.events import TOPICS, RawLog, padded, read_event, read_log
from chain.indexer_receipts import ReceiptReader
from chain.indexer_rows import ApprovalRow, Rows, TransferRow
from chain.indexer_store import Watched
from chain.node import Node
from chain.node_provider import Call
from chain.quantity import to_hex
from chain.receipt_proof import ProvenReceipt
from chain.recorded import Kind
from chain.traces import InnerMove, inner_moves
from chain.transaction import TRANSFER_GAS

ASKED_BY_TOPIC_MAX = 200
"""With more accounts than this all transfer logs are asked for, and looked through here."""
LOGS_MAX = 200_000
_ALL = [to_hex(topic) for topic in TOPICS]
TRACE_TRIES = 5
_UNSUPPORTED = (-32601, -32602, -32004)  # method not found (EIP-1474: not supported), no such tracer
_TRACER = {"tracer": "callTracer"}


class Move(NamedTuple):
    """What a transaction itself says that it moves, for or from somebody watched; `token` None is the coin."""

    token: bytes | None
    sender: bytes
    receiver: bytes | None
    units: int


@dataclass(frozen=True, slots=True)
class Scan:
    """One node, read for one set of watched addresses. `tokens` are those whose failed calls are told.

    `proven` False takes a contract's logs as `eth_getLogs` tells them. `refused` counts logs that were none, `untraced`
    failures to trace a block.
    """

    node: Node
    receipts: ReceiptReader
    watched: Watched
    tokens: frozenset[bytes]
    proven: bool
    refused: Counter[str]
    untraced: Counter[bytes]

    async def read(self, first: int, last: int) -> tuple[list[Block], Rows] | None:
        """None where the answers do not hang together: the chain moved meanwhile. Raises StretchTooLong, NodeError."""
        blocks = linked(await self._blocks(first, last))
        if blocks is None:
            return None
        rows = Rows()
        if not self.watched:
            return blocks, rows
        found = await self._logs(blocks) if self._has_to_ask(blocks) else {}
        own = {b.number: moves for b in blocks if (moves := _own_moves(b, self.watched.accounts, self.tokens))}
        to_prove = [b for b in blocks if b.number in own or self._has_to_be_proven(b, found.get(b.number, []))]
        receipts = await self.receipts.read(to_prove)
        if receipts is None:
            return None
        for block in blocks:
            proof = receipts.get(block.number)
            logs = found.get(block.number, []) if proof is None else [log for one in proof for log in one.logs]
            self._record_logs(rows, block, logs)
            _record_own(rows, block, own.get(block.number, {}), proof or ())
        await self._record_inner(rows, blocks)
        return blocks, rows

    async def _blocks(self, first: int, last: int) -> list[Block | None]:
        try:
            return await self.node.blocks(range(first, last + 1), full=bool(self.watched.accounts))
        except AnswerTooLarge as error:
            raise _shorter(first, last, error) from error

    def _has_to_ask(self, blocks: Sequence[Block]) -> bool:
        """Whoever proves looks into every block whose bloom has something of the watched, so the node need not say."""
        return (self.watched.contracts and not self.proven) or any(block.logs_bloom is None for block in blocks)

    async def _logs(self, blocks: Sequence[Block]) -> dict[int, list[RawLog]]:
        """What the node finds, by block. What it should not have told is counted and left out."""
        first, last = blocks[0].number, blocks[-1].number
        try:
            answers = await self.node.batch(self._log_calls(first, last))
        except (AnswerTooLarge, NodeRefused) as error:
            raise _shorter(first, last, error) from error
        by_number = {block.number: block for block in blocks}
        found: dict[int, dict[int, RawLog]] = {}
        for one in answers:
            told: set[tuple[int, int]] = set()
            for answer in listed(one, LOGS_MAX):
                log = self._log(answer, by_number)
                if log is None:
                    continue
                if (log.block_number, log.log_index) in told:
                    self.refused["doubled"] += 1
                told.add((log.block_number, log.log_index))
                found.setdefault(log.block_number, {}).setdefault(log.log_index, log)
        return {number: [logs[index] for index in sorted(logs)] for number, logs in found.items()}

    def _log(self, answer: object, blocks: Mapping[int, Block]) -> RawLog | None:
        """None for what is no log of these blocks; what a block misses then shows in its bloom."""
        try:
            log = read_log(answer)
        except AnswerMalformed:
            self.refused["malformed"] += 1
            return None
        block = blocks.get(log.block_number)
        if block is None:
            self.refused["out of range"] += 1
        elif block.hash != log.block_hash or not self._is_asked_for(log) or not _may_stand(block, log):
            self.refused["foreign"] += 1
        else:
            return log
        return None

    def _log_calls(self, first: int, last: int) -> list[Call]:
        span = {"fromBlock": hex(first), "toBlock": hex(last)}
        queries: list[dict[str, object]] = []
        accounts = self.watched.accounts
        if len(accounts) > ASKED_BY_TOPIC_MAX:
            queries.append({"topics": [_ALL]})
        elif accounts:
            topics = [to_hex(padded(account)) for account in sorted(accounts)]
            queries += [{"topics": [_ALL, *[None] * gap, topics]} for gap in range(3)]
        if self.watched.contracts and len(accounts) <= ASKED_BY_TOPIC_MAX:
            addresses = [to_hex(contract) for contract in sorted(self.watched.contracts)]
            queries.append({"topics": [_ALL], "address": addresses})
        return [("eth_getLogs", [span | query]) for query in queries]

    def _is_asked_for(self, log: RawLog) -> bool:
        """Of a known kind, and about somebody watched as far as its topics tell."""
        if not log.topics or log.topics[0] not in TOPICS:
            return False
        accounts = self.watched.accounts
        return log.address in self.watched.contracts or any(topic[12:] in accounts for topic in log.topics[1:])

    def _has_to_be_proven(self, block: Block, logs: Collection[RawLog]) -> bool:
        """An account's logs always are; so is a block without the logs that its bloom lets expect."""
        accounts, contracts = self.watched.accounts, self.watched.contracts
        if logs and (self.proven or any(log.address not in contracts for log in logs)):
            return True
        bloom = block.logs_bloom
        if bloom is None or not any(may_hold(bloom, topic) for topic in TOPICS):
            return False
        if not logs and any(may_hold(bloom, contract) for contract in contracts):
            return True
        return any(may_hold(bloom, padded(account)) for account in accounts)

    def _record_logs(self, rows: Rows, block: Block, logs: Iterable[RawLog]) -> None:
        accounts, contracts = self.watched.accounts, self.watched.contracts
        for log in logs:
            event = read_event(log)
            if event is None:
                continue
            place = (block.number, log.transaction_index, log.log_index)
            about = (block.timestamp, log.transaction_hash)
            is_whole = log.address in contracts
            if isinstance(event, list):
                rows.transfers += [
                    TransferRow(*place, part, *about, m.kind, log.address, m.token_id, m.sender, m.receiver, m.units, 1)
                    for part, m in enumerate(event)
                    if is_whole or m.sender in accounts or m.receiver in accounts
                ]
            elif is_whole or event.owner in accounts:
                who = (event.owner, event.spender, event.number)
                rows.approvals.append(ApprovalRow(*place, *about, event.kind, log.address, *who))

    async def _record_inner(self, rows: Rows, blocks: Sequence[Block]) -> None:
        """From traces, where the node makes them; the first block without one is noted."""
        accounts = self.watched.accounts
        calling = [b for b in blocks if accounts and any(t.gas > TRANSFER_GAS for t in b.transactions)]
        for block in calling:
            moves = await self._inner_moves(block)
            if moves is None:
                rows.untraced_from = min(block.number, rows.untraced_from or block.number)
            for move in moves or ():
                if move.sender in accounts or move.receiver in accounts:
                    rows.transfers.append(_inner_row(block, move))

    async def _inner_moves(self, block: Block) -> list[InnerMove] | None:
        """None where the node cannot tell: it says so, or it has failed at this block again and again."""
        call: Call = ("debug_traceBlockByHash", (to_hex(block.hash), _TRACER))
        trouble: AnswerTooLarge | AnswerMalformed
        try:
            (answer,) = await self.node.outcomes([call])
            if not isinstance(answer, NodeRefused):
                return inner_moves(answer, len(block.transactions))
            if answer.code in _UNSUPPORTED:
                return None
            trouble = AnswerMalformed("a trace was refused")
        except (AnswerTooLarge, AnswerMalformed) as error:
            trouble = error
        self.untraced[block.hash] += 1
        if self.untraced[block.hash] < TRACE_TRIES:
            raise trouble
        del self.untraced[block.hash]
        return None


def linked(blocks: Sequence[Block | None]) -> list[Block] | None:
    """None where one is missing or does not name the one before it."""
    whole = [block for block in blocks if block is not None]
    if len(whole) != len(blocks):
        return None
    return whole if all(after.parent_hash == before.hash for before, after in pairwise(whole)) else None


def _shorter(first: int, last: int, error: AnswerTooLarge | NodeRefused) -> Exception:
    """Nodes that find a range too long say so in words of their own; of a single block their word stands."""
    return error if first == last else StretchTooLong(last - first + 1)


def _may_stand(block: Block, log: RawLog) -> bool:
    """As far as the block's bloom tells."""
    bloom = block.logs_bloom
    return bloom is None or all(may_hold(bloom, value) for value in (log.address, *log.topics))


def _own_moves(block: Block, accounts: frozenset[bytes], tokens: frozenset[bytes]) -> dict[int, Move]:
    """By the transactions' places."""
    if not accounts:
        return {}
    moves = ((place, _own_move(t, accounts, tokens)) for place, t in enumerate(block.transactions))
    return {place: move for place, move in moves if move is not None}


def _own_move(transaction: BlockTransaction, accounts: frozenset[bytes], tokens: frozenset[bytes]) -> Move | None:
    sender = transaction.sender.raw
    receiver = None if transaction.to is None else transaction.to.raw
    if sender not in accounts and receiver not in accounts:
        return None
    if transaction.value:
        return Move(None, sender, receiver, transaction.value)
    call = decode_erc20(transaction.data) if receiver in tokens else None
    if call is None or call.method is not Erc20Method.TRANSFER or not call.units:
        return None
    return Move(receiver, sender, call.party.raw, call.units)


def _record_own(rows: Rows, block: Block, moves: dict[int, Move], receipts: Sequence[ProvenReceipt]) -> None:
    """The coin that transactions carry; a token move only where it failed, since one that succeeded has its log."""
    for place, move in moves.items():
        receipt = receipts[place]
        if move.token is not None and receipt.succeeded:
            continue
        receiver = move.receiver or receipt.contract_address or Address.ZERO.raw
        where = (block.number, place, -1, 0, block.timestamp, block.transaction_hashes[place])
        kind = Kind.NATIVE if move.token is None else Kind.ERC20
        units = move.units.to_bytes(32, "big")
        rows.transfers.append(
            TransferRow(*where, kind, move.token, None, move.sender, receiver, units, int(receipt.succeeded))
        )


def _inner_row(block: Block, move: InnerMove) -> TransferRow:
    place = (block.number, move.transaction_index, -1, move.part)
    about = (block.timestamp, block.transaction_hashes[move.transaction_index])
    units = move.units.to_bytes(32, "big")
    return TransferRow(*place, *about, Kind.INNER, None, None, move.sender, move.receiver, units, 1)
