"""Follows a chain block by block and records what the registered addresses move.

Recorded are the chain's own coin where a transaction itself carries it, and Transfer events of the listed tokens;
nothing of zero units, which anyone can make anyone "send". What contracts move inside a call is not seen.
Believed is only what hangs together: every block names the one before it, every log and receipt its block.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from chain.address import Address
from chain.block import Block, BlockTransaction, Log, Receipt
from chain.erc20 import TRANSFER_TOPIC, Erc20Method, decode_erc20, decode_transfer_log
from chain.errors import AnswerTooLarge, ChainError, WrongChain
from chain.indexer_store import Backfill, IndexerStore, Tip
from chain.node import Node
from chain.quantity import quantity, to_hex
from chain.recorded import Position, RecordedTransfer
from chain.reorg import Extend, LookDeeper, Restarted, RollBack, Verdict, compare
from chain.token import Token

BLOCKS_PER_STEP = 64
HASHES_PER_LOOK = 64
POLL_SECONDS = 0.25
POLL_SECONDS_MAX = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """After a step. `height` is recorded, `head` is the chain's; `restarted` and `rolled_back_to` say what this step
    found; `unsearched` blocks are still missing for addresses that were registered late.
    """

    generation: int
    height: int
    head: int
    restarted: bool = False
    rolled_back_to: int | None = None
    unsearched: int = 0

    @property
    def lag(self) -> int:
        """Blocks that the chain has and we have not."""
        return max(0, self.head - self.height)

    @property
    def is_caught_up(self) -> bool:
        return self.height == self.head and self.unsearched == 0


class Indexer:
    """`tokens` are the listed ones; other contracts' events are not believed. One indexer writes to a database.

    `progress` and `trouble` are what the last step of `run` came to, for health.
    """

    def __init__(self, engine: AsyncEngine, node: Node, tokens: Sequence[Token], span: int = BLOCKS_PER_STEP) -> None:
        self.store = IndexerStore(engine)
        self.progress: Progress | None = None
        self.trouble: ChainError | None = None
        self._node = node
        self._tokens = frozenset(token.address for token in tokens if token.address is not None)
        self._span_max = self._span = span

    async def watch(self, *addresses: Address, first_block: int = 0) -> None:
        """Registers addresses; blocks from `first_block` on that are recorded already are searched again for them."""
        await self.store.watch(addresses, first_block)

    async def unwatch(self, *addresses: Address) -> None:
        await self.store.unwatch(addresses)

    async def transfers(
        self, addresses: Collection[Address], limit: int, before: Position | None = None
    ) -> list[RecordedTransfer]:
        """Newest first, at most 1000."""
        return await self.store.transfers(addresses, limit, before)

    async def run(self) -> None:
        """Steps for ever, at the chain's pace; trouble with the node is remembered and tried again."""
        pause = POLL_SECONDS
        while True:
            try:
                before, self.progress = self.progress, await self.step()
                self.trouble, pause = None, POLL_SECONDS
                if _is_moving(before, self.progress):
                    continue
            except ChainError as trouble:
                if self.trouble is None:
                    _log.warning("The chain cannot be followed at the moment: %s", trouble)
                self.trouble, pause = trouble, min(pause * 2, POLL_SECONDS_MAX)
            await asyncio.sleep(pause)

    async def catch_up(self) -> Progress:
        """Steps until everything that the chain has by then is recorded."""
        before = None
        while not (progress := await self.step()).is_caught_up:
            if not _is_moving(before, progress):
                await asyncio.sleep(POLL_SECONDS)
            before = progress
        return progress

    async def step(self) -> Progress:
        """One bounded stretch: notices a restart or reorganisation, else extends, and searches one stretch again.

        Raises NodeError and its kin; what was recorded before stays whole.
        """
        tip = await self.store.tip()
        verdict, head, tip, restarted = await self._look(tip)
        rolled_back_to = None
        if isinstance(verdict, RollBack):
            rolled_back_to = verdict.height
            _log.warning("The chain turned back to block %d; what later blocks said is forgotten.", verdict.height)
            await self.store.roll_back(tip.generation, verdict.height)
            tip = await self._known_tip()
        watched = await self.store.watched(tip)
        height = await self._extend(tip, head, watched)
        unsearched = await self._search_again(tip.generation)
        return Progress(tip.generation, height, max(head, height), restarted, rolled_back_to, unsearched)

    async def _look(self, tip: Tip | None) -> tuple[Verdict, int, Tip, bool]:
        """How the node's chain stands to ours; begins a generation where it is another one."""
        at_tip = max(0, tip.number) if tip else 0
        chain_id, number, first, last = await self._node.batch(
            [
                ("eth_chainId", ()),
                ("eth_blockNumber", ()),
                ("eth_getBlockByNumber", ("0x0", False)),
                ("eth_getBlockByNumber", (hex(at_tip), False)),
            ]
        )
        identity, genesis, head = quantity(chain_id, 63), Block.parse(first), quantity(number, 63)
        if self._node.chain_id not in (None, identity):
            raise WrongChain(self._node.chain_id or 0, identity)
        seen = {0: genesis.hash, at_tip: None if last is None else Block.parse(last).hash}
        if tip is not None and tip.chain_id == identity:
            stored = {0: tip.genesis_hash} | ({tip.number: tip.hash} if tip.number >= 0 else {})
            verdict = compare(stored, seen, max(0, tip.number))
            while isinstance(verdict, LookDeeper):
                verdict = await self._look_deeper(tip, verdict)
            if not isinstance(verdict, Restarted):
                return verdict, head, tip, False
        if tip is not None:
            _log.warning("Another chain answers: a new generation begins, the old activity is kept apart.")
        await self.store.begin_generation(identity, genesis.hash)
        return Extend(-1), head, await self._known_tip(), tip is not None

    async def _look_deeper(self, tip: Tip, verdict: LookDeeper) -> Verdict:
        stored = await self.store.hashes(tip.generation, verdict.below, HASHES_PER_LOOK)
        stored = {number: known for number, known in stored.items() if number > 0}
        if not stored:
            return RollBack(0)  # hashes that old are not kept: search everything again
        blocks = await self._node.blocks(sorted(stored))
        seen: dict[int, bytes | None] = {0: tip.genesis_hash}
        seen |= {number: block.hash if block else None for number, block in zip(sorted(stored), blocks, strict=True)}
        return compare(stored | {0: tip.genesis_hash}, seen, tip.number)

    async def _known_tip(self) -> Tip:
        tip = await self.store.tip()
        assert tip is not None, "a generation was begun before"
        return tip

    async def _extend(self, tip: Tip, head: int, watched: frozenset[Address]) -> int:
        """The height afterwards; unchanged where the chain moved meanwhile, the next step sees how."""
        if head <= tip.number:
            return tip.number
        first, last = tip.number + 1, min(head, tip.number + self._span)
        found = await self._search(tip.generation, first, last, watched)
        if found is None:
            return tip.number
        blocks, transfers = found
        before = tip.hash if tip.number >= 0 else None
        if (before is not None and blocks[0].parent_hash != before) or (
            first == 0 and blocks[0].hash != tip.genesis_hash
        ):
            return tip.number
        try:
            await self.store.extend(tip.generation, {block.number: block.hash for block in blocks}, transfers)
        except IntegrityError:  # another indexer was faster; it recorded the same
            return tip.number
        return blocks[-1].number

    async def _search_again(self, generation: int) -> int:
        """One stretch for those who came late; how many blocks are left."""
        missing = await self.store.backfill()
        if missing is None:
            return 0
        part = replace(missing, until=min(missing.until, missing.first + self._span))
        found = await self._search(generation, part.first, part.until - 1, part.addresses)
        if found is not None and await self._is_ours(generation, found[0]):
            await self.store.backfilled(replace(part, until=found[0][-1].number + 1), found[1])
        return await self._left()

    async def _left(self) -> int:
        missing: Backfill | None = await self.store.backfill()
        return 0 if missing is None else missing.until - missing.first

    async def _is_ours(self, generation: int, blocks: Sequence[Block]) -> bool:
        """The chain that we recorded, as far as its hashes are kept."""
        known = await self.store.hashes(generation, blocks[-1].number + 1, len(blocks))
        return all(known.get(block.number, block.hash) == block.hash for block in blocks)

    async def _search(
        self, generation: int, first: int, last: int, watched: frozenset[Address]
    ) -> tuple[list[Block], list[RecordedTransfer]] | None:
        """Blocks and what the watched moved in them; fewer blocks than asked for where answers would be too large;
        None where the answers do not hang together.
        """
        try:
            blocks = _linked(await self._node.blocks(range(first, last + 1), full=bool(watched)))
            logs = await self._logs(first, last) if watched and blocks else []
        except AnswerTooLarge:
            if first == last:
                raise
            self._span = (last - first + 1) // 2
            return await self._search(generation, first, first + self._span - 1, watched)
        self._span = min(self._span_max, self._span + 1)
        by_hash = {block.hash: block for block in blocks or ()}
        if blocks is None or any(log.block_hash not in by_hash for log in logs):
            return None
        own = [(b, t, moved) for b in blocks for t in b.transactions if (moved := self._own_move(t, watched))]
        receipts = await self._receipts([transaction for _, transaction, _ in own])
        if any((receipt := receipts.get(t.hash)) is None or receipt.block_hash != b.hash for b, t, _ in own):
            return None
        transfers = [
            _recorded(generation, b, t.index, -1, moved, t.hash, receipts[t.hash].succeeded)
            for b, t, moved in own
            if moved.token is None or not receipts[t.hash].succeeded  # a token move that succeeded has its log
        ]
        transfers += _token_transfers(generation, logs, by_hash, watched)
        return blocks, transfers

    async def _logs(self, first: int, last: int) -> list[Log]:
        if not self._tokens:
            return []
        asked = {"fromBlock": hex(first), "toBlock": hex(last), "topics": [to_hex(TRANSFER_TOPIC)]}
        logs = await self._node.logs({**asked, "address": sorted(self._tokens)})
        return [log for log in logs if log.address in self._tokens]

    async def _receipts(self, transactions: Sequence[BlockTransaction]) -> dict[bytes, Receipt]:
        answers = await self._node.batch(
            [("eth_getTransactionReceipt", (to_hex(transaction.hash),)) for transaction in transactions]
        )
        receipts = [Receipt.parse(answer) for answer in answers if answer is not None]
        return {receipt.transaction_hash: receipt for receipt in receipts}

    def _own_move(self, transaction: BlockTransaction, watched: frozenset[Address]) -> _Move | None:
        """What the transaction itself says it moves, for or from somebody watched."""
        to = transaction.to
        if to is None or watched.isdisjoint((transaction.sender, to)):
            return None
        if transaction.value:
            return _Move(None, transaction.sender, to, transaction.value)
        call = decode_erc20(transaction.data) if to in self._tokens else None
        if call is None or call.method is not Erc20Method.TRANSFER or not call.units:
            return None
        return _Move(to, transaction.sender, call.party, call.units)


def _is_moving(before: Progress | None, after: Progress) -> bool:
    """There is more to do at once; a step that came to nothing waits, or it would ask without end."""
    place = None if before is None else (before.generation, before.height, before.unsearched)
    return not after.is_caught_up and place != (after.generation, after.height, after.unsearched)


@dataclass(frozen=True, slots=True)
class _Move:
    token: Address | None
    sender: Address
    receiver: Address
    units: int


def _linked(blocks: Sequence[Block | None]) -> list[Block] | None:
    """None where one is missing or does not name the one before it."""
    whole = [block for block in blocks if block is not None]
    if len(whole) != len(blocks):
        return None
    linked = (b.parent_hash == a.hash and b.number == a.number + 1 for a, b in pairwise(whole))
    return whole if all(linked) else None


def _token_transfers(
    generation: int, logs: Sequence[Log], by_hash: Mapping[bytes, Block], watched: frozenset[Address]
) -> list[RecordedTransfer]:
    found = []
    for log in logs:
        moved = decode_transfer_log(log)
        if moved is None or not moved.units or watched.isdisjoint((moved.sender, moved.receiver)):
            continue
        move = _Move(moved.token, moved.sender, moved.receiver, moved.units)
        block = by_hash[log.block_hash]
        found.append(_recorded(generation, block, log.transaction_index, log.index, move, log.transaction_hash, True))
    return found


def _recorded(
    generation: int, block: Block, index: int, log_index: int, move: _Move, transaction_hash: bytes, succeeded: bool
) -> RecordedTransfer:
    position = Position(generation, block.number, index, log_index)
    moved = (move.token, move.sender, move.receiver, move.units)
    return RecordedTransfer(position, block.timestamp, transaction_hash, *moved, succeeded)
