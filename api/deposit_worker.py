"""Drives deposits: looks at what the index tells of the treasury, and does for each what deposits.advance says.

What is to be posted is written down first, then posted under ids that follow from it, then the row follows: whatever
is interrupted is done again at the next step and moves nothing twice. One at a time is enough; several do no harm. A
deposit that cannot go on waits by itself: it holds up nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.bridge_assets import bridge_assets
from api.database import recording
from api.deposit_judge import Judge
from api.deposit_postings import SUSPENSE
from api.deposit_rows import Deposit, DepositRows
from api.deposit_settle import Settle
from api.deposits import Arrival, Sight, Stage, Step, Waiting, advance, arrivals
from api.tables import cursors
from chain.errors import ChainError
from chain.indexer_moves import Moves, lives_of, treasury_moves
from chain.indexer_store import IndexerStore
from chain.node import Node
from chain.recorded import RecordedTransfer
from chain.reorg import final_height
from chain.token import Token
from fiat.errors import FiatError
from fiat.holder import OPERATOR
from fiat.journal import Journal

WINDOW_BLOCKS = 2048
"""So far back a deposit is looked for again: deeper than any chain is reorganised."""
ROUNDS_MAX = 8
"""Steps of one deposit in one look."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What the chain shows now: `final` is the highest final block, `settled` whether the index is at its head."""

    moves: Moves
    arrived: Mapping[bytes, Arrival]
    first: int
    final: int
    settled: bool
    frozen: Collection[str]
    cursor: tuple[str, int]

    def sight(self, deposit: Deposit) -> Sight:
        arrival = self.arrived.get(deposit.id)
        if arrival is None:
            if deposit.block < self.first:
                return Sight.FINAL
            return Sight.ABSENT if self.settled else Sight.UNSURE
        if arrival.units != deposit.units or (arrival.block != deposit.block and deposit.stage in _MOVABLE):
            return Sight.ABSENT if deposit.stage not in (Stage.GONE, Stage.LOST) else Sight.SHALLOW
        return Sight.FINAL if arrival.block <= self.final else Sight.SHALLOW

    def of_block(self, deposit: Deposit) -> tuple[list[Arrival], list[RecordedTransfer]]:
        """What came of the deposit's token in its block, and what the treasury sent in it."""
        came = [a for a in self.arrived.values() if (a.block, a.token) == (deposit.block, deposit.token)]
        sent = [m for m in self.moves.transfers if m.position.block_number == deposit.block]
        return came, sent


_MOVABLE = (Stage.SEEN, Stage.PENDING, Stage.HELD, Stage.RETURNING, Stage.KEPT)
"""A deposit that comes in another block than before begins anew, as long as nobody was credited."""


class DepositWorker:
    """`caught_up_at` is the height at which the index is at the chain's head; `clock` gives Unix nanoseconds."""

    def __init__(
        self,
        engine: AsyncEngine,
        journal: Journal,
        node: Node,
        index: IndexerStore,
        rows: DepositRows,
        judge: Judge,
        *,
        minimum_minor: int,
        tokens: Sequence[Token],
        confirmations: int,
        clock: Callable[[], int],
        caught_up_at: Callable[[], int | None],
    ) -> None:
        self._engine, self._journal, self._index, self._node = engine, journal, index, node
        self._treasury, self._confirmations = rows.treasury, confirmations
        self._assets = {each.token.address: each for each in bridge_assets(tokens).values()}
        self._clock, self._caught_up_at = clock, caught_up_at
        self.rows = rows
        self._judge = judge
        self._settle = Settle(engine, journal, node, rows, minimum_minor, clock)
        self._ready = False

    async def begin(self) -> None:
        """Watch the treasury from the next block on, and open the operator's accounts. Idempotent."""
        height = await self._node.height()
        await self._index.watch([self._treasury], height + 1)
        currencies = [asset.currency for asset in self._assets.values()]
        await asyncio.gather(*(self._journal.open_account(OPERATOR, c, SUSPENSE) for c in currencies))
        self._ready = True

    async def step(self) -> int:
        """Do what is due now; how many things were done."""
        if not self._ready:
            await self.begin()
        look = await self._look()
        if look is None:
            return 0
        fresh = [(a, self._assets[a.token].token) for a in look.arrived.values() if a.token in self._assets]
        if fresh:
            await self.rows.add(fresh, self._clock())
        done = 0
        for deposit in await self.rows.to_look_at(look.first):
            done += await self._or_later(deposit, look)
        if look.settled:
            await self._move_cursor(look)
        return done

    async def _look(self) -> Look | None:
        """None before the chain was seen."""
        cursor, lowest = await self._cursor(), await self.rows.lowest_unmeasured()
        tip = await self._index.tip()
        if tip is None:
            return None
        first = max(0, min(cursor[1], tip.number - WINDOW_BLOCKS, tip.number if lowest is None else lowest))
        moves = await treasury_moves(self._engine, self._index.chain_id, self._treasury, first)
        if moves is None:
            return None
        found = {each.id: each for each in arrivals(self._index.chain_id, self._treasury, moves.transfers)}
        settled = moves.is_whole and self._caught_up_at() == moves.tip
        final = final_height(moves.tip, self._confirmations)
        return Look(moves, found, first, final, settled, await self.rows.frozen(), cursor)

    async def _or_later(self, deposit: Deposit, look: Look) -> int:
        """Whatever stops one deposit stops no other."""
        try:
            return await self._advance(deposit, look)
        except (FiatError, ChainError) as refused:
            log.warning("deposit %s: %r", deposit.id.hex(), refused)
            if isinstance(refused, ChainError):
                await self.rows.change(deposit, deposit.updated_at, waiting=Waiting.NODE)
            return 0

    async def _advance(self, deposit: Deposit, look: Look) -> int:
        """As far as it goes now."""
        for done in range(ROUNDS_MAX):
            after = await self._do(advance(deposit.standing, look.sight(deposit)), deposit, look)
            if after is None or (after.stage, after.attempt, after.rate) == (
                deposit.stage,
                deposit.attempt,
                deposit.rate,
            ):
                return done
            deposit = after
        return ROUNDS_MAX

    async def _do(self, step: Step, deposit: Deposit, look: Look) -> Deposit | None:
        """The deposit afterwards; None or unchanged where nothing more is to do now."""
        if step is Step.WAIT:
            return None
        if step is Step.JUDGE:
            arrival = look.arrived[deposit.id]
            return await self._judge.judge(deposit, arrival, is_frozen=deposit.asset in look.frozen)
        if step is Step.MEASURE and deposit.asset in look.frozen:
            return await self.rows.change(deposit, deposit.updated_at, waiting=Waiting.CASE)
        if step in (Step.MEASURE, Step.RECEIVE):
            block = look.of_block(deposit)
            return await (self._settle.measure if step is Step.MEASURE else self._settle.receive)(deposit, *block)
        if step is Step.REFUND:
            return await self._settle.refund(deposit, look.moves.transfers, look.final)
        plain: dict[Step, Callable[[Deposit], Awaitable[Deposit | None]]] = {
            Step.RESERVE: self._settle.reserve,
            Step.UNDO: self._settle.undo,
            Step.CREDIT: self._settle.credit,
            Step.KEEP: self._settle.keep,
            Step.LOSE: self._settle.lose,
            Step.REGAIN: self._settle.regain,
        }
        return await plain[step](deposit)

    async def _cursor(self) -> tuple[str, int]:
        """Up to which block everything was looked at; 0 after the chain was set back, so that all of it is again."""
        reader = await self._reader()
        async with self._engine.connect() as conn:
            found = await conn.scalar(select(cursors.c.sequence).where(cursors.c.reader == reader))
        return reader, 0 if found is None else int(found)

    async def _move_cursor(self, look: Look) -> None:
        reader, before = look.cursor
        if look.final <= before:
            return
        async with recording(self._engine).begin() as conn:
            await conn.execute(delete(cursors).where(cursors.c.reader == reader))
            await conn.execute(insert(cursors).values(reader=reader, sequence=look.final))

    async def _reader(self) -> str:
        lives = await lives_of(self._engine, self._index.chain_id)
        return f"deposits:{self._index.chain_id}:{self._treasury}:{lives}"
