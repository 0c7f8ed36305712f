"""Follows a chain block by block and records what the watched addresses move and allow.

Recorded are the chain's own coin, by transactions and, where the node traces, inside contract calls; transfers and
approvals of ERC-20, ERC-721 and ERC-1155 of any contract, since what to believe of a token is its reader's matter.
Believed is only what hangs together: every block names the one before it, and its header proves its logs (by
indexer_scan.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from chain.address import Address
from chain.block import Block
from chain.errors import AnswerMalformed, AnswerTooLarge, ChainError, NodeBehind, WrongChain
from chain.indexer_receipts import ReceiptReader
from chain.indexer_rows import Rows
from chain.indexer_scan import Scan
from chain.indexer_store import Ended, IndexerStore, Role, Tip, Watched, first_part
from chain.indexer_stretch import StretchReader, Write
from chain.node import Node
from chain.quantity import quantity
from chain.recorded import Position, RecordedTransfer
from chain.reorg import Extend, LookDeeper, Restarted, RollBack, Shrunk, Verdict, compare, final_height
from chain.token import Token

BLOCKS_PER_STEP = 2048
HASHES_PER_LOOK = 64
POLL_SECONDS = 0.25
POLL_SECONDS_MAX = 5.0
SHRUNK_SECONDS = 0.1
"""A test chain that has fewer blocks than before is asked again after this: it was set back if it still has."""
LOOSE_MAX = 3
"""So often in a row answers may not hang together, since the chain moved; after that it is the node."""
_SET_BACK = ("anvil", "hardhat", "ethereumjs")  # whose chains developers set back (evm_revert)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """After a step. `height` is recorded, `head` is the chain's; `restarted` and `rolled_back_to` say what this step
    found; `unsearched` blocks are still missing for addresses that were registered late. `lives` counts restarts.
    """

    generation: int
    height: int
    head: int
    restarted: bool = False
    rolled_back_to: int | None = None
    unsearched: int = 0
    lives: int = 0

    @property
    def lag(self) -> int:
        """Blocks that the chain has and we have not."""
        return max(0, self.head - self.height)

    @property
    def is_caught_up(self) -> bool:
        return self.height == self.head and self.unsearched == 0


class Indexer:
    """Of one chain, the node's (`node.chain_id`). One indexer writes to it; several chains share a database.

    `tokens` are those whose failed transfers are told. What has `confirmations` blocks is final: where the chain turns
    back below it, it was set back, and people are told. `proven` False: logs of watched contracts are taken as the
    node tells them. `progress`, `trouble` and `refused` (logs that were none) are for health.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        node: Node,
        tokens: Sequence[Token],
        span: int = BLOCKS_PER_STEP,
        *,
        confirmations: int = 1,
        proven: bool = True,
    ) -> None:
        assert node.chain_id is not None, "an index is of one chain"
        self.store = IndexerStore(engine, node.chain_id)
        self.progress: Progress | None = None
        self.trouble: ChainError | None = None
        self.refused: Counter[str] = Counter()
        self._untraced: Counter[bytes] = Counter()
        self._node = node
        self._receipts = ReceiptReader(node)
        self._stretch = StretchReader()
        self._tokens = frozenset(token.address.raw for token in tokens if token.address is not None)
        self._span = span
        self._confirmations = confirmations
        self._proven = proven
        self._loose = 0

    async def watch(self, *addresses: Address, first_block: int = 0, role: Role = Role.ACCOUNT) -> None:
        """Registers addresses; blocks from `first_block` on that are recorded already are searched again for them."""
        await self.store.watch(addresses, first_block, role)

    async def unwatch(self, *addresses: Address, role: Role = Role.ACCOUNT) -> None:
        await self.store.unwatch(addresses, role)

    async def transfers(
        self, addresses: Collection[Address], limit: int, before: Position | None = None
    ) -> list[RecordedTransfer]:
        """Newest first, at most 1000, of the chain as it is."""
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

        Raises NodeError and its kin; what was recorded before stays whole. The node is distrusted for it, so that
        one of several URLs makes way for the next.
        """
        try:
            return await self._step()
        except (AnswerMalformed, AnswerTooLarge, NodeBehind, WrongChain) as error:
            self._node.distrust(error)
            raise

    async def _step(self) -> Progress:
        verdict, head, tip, restarted = await self._look(await self.store.tip())
        rolled_back_to = None
        if isinstance(verdict, RollBack):
            rolled_back_to = verdict.height
            tip = await self._roll_back(tip, verdict.height)
        watched = await self.store.watched(tip, is_needed=head > tip.number)
        height = await self._extend(tip, head, watched)
        unsearched = await self._search_again(tip.generation)
        head = max(head, height)
        return Progress(tip.generation, height, head, restarted, rolled_back_to, unsearched, tip.lives)

    async def _roll_back(self, tip: Tip, height: int) -> Tip:
        is_final = height < final_height(tip.number, self._confirmations)
        await self.store.cut(tip, height, Ended.REVERT if is_final else Ended.REORG)
        words = "was set back" if is_final else "was reorganised"
        _log.warning("The chain %s to block %d; what later blocks moved is kept apart.", words, height)
        return await self._known_tip()

    async def _look(self, tip: Tip | None) -> tuple[Verdict, int, Tip, bool]:
        """How the node's chain stands to ours; begins a generation where it is another one."""
        at_tip = max(0, tip.number) if tip else 0
        head, genesis, last = await self._heads(at_tip)
        if tip is not None:
            verdict = await self._compare(tip, {0: genesis, at_tip: last})
            if isinstance(verdict, Shrunk):
                verdict, head = await self._shrunk(tip, head, verdict)
            if not isinstance(verdict, Restarted):
                return verdict, head, tip, False
            _log.warning("Another chain answers: a new generation begins, the old activity is kept apart.")
        await self.store.begin_generation(genesis, None if tip is None else tip.generation)
        return Extend(-1), head, await self._known_tip(), tip is not None

    async def _heads(self, at: int) -> tuple[int, bytes, bytes | None]:
        """The head's height, and the hashes of the first block and of the one at a height. Raises WrongChain."""
        chain_id, number, first, found = await self._node.batch(
            [
                ("eth_chainId", ()),
                ("eth_blockNumber", ()),
                ("eth_getBlockByNumber", ("0x0", False)),
                ("eth_getBlockByNumber", (hex(at), False)),
            ]
        )
        if (identity := quantity(chain_id, 63)) != self.store.chain_id:
            raise WrongChain(self.store.chain_id, identity)
        genesis, block = Block.parse(first), None if found is None else Block.parse(found)
        if genesis.number != 0 or (block is not None and block.number != at):
            raise AnswerMalformed("another block than asked for")
        return quantity(number, 63), genesis.hash, None if block is None else block.hash

    async def _compare(self, tip: Tip, seen: dict[int, bytes | None]) -> Verdict:
        stored = {0: tip.genesis_hash} | ({tip.number: tip.hash} if tip.number >= 0 else {})
        verdict = compare(stored, seen, max(0, tip.number))
        while isinstance(verdict, LookDeeper):
            stored = await self.store.hashes(tip.generation, verdict.below, HASHES_PER_LOOK)
            stored = {number: known for number, known in stored.items() if number > 0}
            if not stored:  # hashes that old are not kept: search everything again
                return RollBack(0) if verdict.conflict else Shrunk(0)
            blocks = await self._node.blocks(sorted(stored))
            seen = {0: tip.genesis_hash}
            seen |= {
                number: block.hash if block else None for number, block in zip(sorted(stored), blocks, strict=True)
            }
            verdict = compare(stored | {0: tip.genesis_hash}, seen, tip.number, verdict.conflict)
        return verdict

    async def _shrunk(self, tip: Tip, head: int, verdict: Shrunk) -> tuple[Verdict, int]:
        """A test chain may be set back; any other node that has fewer blocks than before lags. Raises NodeBehind.

        Where there are several URLs, another one is asked whether it was set back too. The second is the head by then.
        """
        behind = NodeBehind(tip.number, head)
        version = str(await self._node.call("web3_clientVersion")).lower()
        if version.startswith(_SET_BACK):
            self._node.distrust(behind)
            await asyncio.sleep(SHRUNK_SECONDS)
            head, _, again = await self._heads(tip.number)
            if again in (None, tip.hash):
                return (RollBack(verdict.height) if again is None else Extend(tip.number)), head
        raise behind

    async def _known_tip(self) -> Tip:
        tip = await self.store.tip()
        assert tip is not None, "a generation was begun before"
        return tip

    async def _extend(self, tip: Tip, head: int, watched: Watched) -> int:
        """The height afterwards; unchanged where the chain moved meanwhile, the next step sees how."""
        if head <= tip.number:
            return tip.number
        height, before = tip.number, tip.hash if tip.number >= 0 else None

        async def write(blocks: list[Block], rows: Rows) -> bool:
            nonlocal height, before
            first = blocks[0]
            if first.hash != tip.genesis_hash if before is None else first.parent_hash != before:
                return False
            try:
                await self.store.extend(tip.generation, [(block.number, block.hash) for block in blocks], rows)
            except IntegrityError:  # another indexer was faster; it recorded the same
                return False
            height, before = blocks[-1].number, blocks[-1].hash
            return True

        await self._search(tip.number + 1, min(head, tip.number + self._span), watched, write)
        return height

    async def _search_again(self, generation: int) -> int:
        """One stretch for those who came late; how many blocks are left."""
        missing = await self.store.backfill()
        if missing is None:
            return 0
        part = first_part(missing, self._span)

        async def write(blocks: list[Block], rows: Rows) -> bool:
            if not await self._is_ours(generation, blocks):
                return False
            done = replace(part, first=blocks[0].number, until=blocks[-1].number + 1)
            await self.store.backfilled(generation, done, rows)
            return True

        await self._search(part.first, part.until - 1, part.watched, write)
        left = await self.store.backfill()
        return 0 if left is None else left.until - left.first

    async def _is_ours(self, generation: int, blocks: Sequence[Block]) -> bool:
        """The chain that we recorded, as far as its hashes are kept."""
        known = await self.store.hashes(generation, blocks[-1].number + 1, len(blocks))
        return all(known.get(block.number, block.hash) == block.hash for block in blocks)

    async def _search(self, first: int, last: int, watched: Watched, write: Write) -> None:
        """What is found in these blocks, written some of them at a time, as far as the node's answers hang together."""
        about = watched, self._tokens, self._proven, self.refused, self._untraced
        scan = Scan(self._node, self._receipts, *about)
        hangs = await self._stretch.read(first, last, scan.read, write)
        self._loose = 0 if hangs else self._loose + 1
        if self._loose > LOOSE_MAX:
            raise AnswerMalformed("answers that do not hang together")


def _is_moving(before: Progress | None, after: Progress) -> bool:
    """There is more to do at once; a step that came to nothing waits, or it would ask without end."""
    place = None if before is None else (before.generation, before.height, before.unsearched)
    return not after.is_caught_up and place != (after.generation, after.height, after.unsearched)
