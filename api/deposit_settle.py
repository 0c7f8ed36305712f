"""What each step of a deposit does: written down first, then posted under ids of its own, then the row follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from api.currencies import CURRENCIES
from api.deposit_facts import arrived_in
from api.deposit_postings import Posting
from api.deposit_rows import Deposit, DepositRows, width32
from api.deposits import Arrival, Credit, Reason, Stage, Waiting, allot, credit
from chain.indexer_moves import block_hash
from chain.keccak import keccak256
from chain.node import Node
from chain.recorded import Kind, RecordedTransfer
from fiat import history
from fiat.errors import JournalBroken
from fiat.holder import MAIN
from fiat.journal import Journal
from fiat.token_scale import minor_and_dust
from fiat.transfer import TRANSIENT, TransferStatus

UNCLEAR_AFTER_NS = 3600 * 10**9
"""So long the node may not know what arrived, before people look at it."""
_DONE = (TransferStatus.CREATED, TransferStatus.EXISTS)


class Settle:
    """The steps. Each gives the deposit as it stands afterwards, None where it waits or somebody was faster.

    What comes to less than `minimum_minor` of the currency is dust.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        journal: Journal,
        node: Node,
        rows: DepositRows,
        minimum_minor: int,
        clock: Callable[[], int],
    ) -> None:
        self._engine, self._journal, self._node = engine, journal, node
        self._rows, self._treasury, self._minimum_minor, self._clock = rows, rows.treasury, minimum_minor, clock

    async def reserve(self, deposit: Deposit) -> Deposit | None:
        """The pending credit: of what the log says, and of what is kept. Nothing is posted for dust."""
        if deposit.pending_minor is None:
            units = deposit.units if deposit.arrived is None else deposit.arrived
            expected = self._credit(deposit, units, await self._rows.dust(deposit))
            minor = 0 if expected is None else expected.receive_minor
            planned = await self._rows.change(deposit, self._clock(), pending_minor=minor, waiting=None)
            if planned is None:
                return None
            deposit = planned
        assert deposit.pending_minor is not None, "it was planned just now"
        if deposit.pending_minor:
            holder, currency = _party(deposit)
            await self._journal.open_account(holder, CURRENCIES[currency], MAIN)
            posting = deposit.books.pending(holder, CURRENCIES[currency], deposit.pending_minor)
            if not await self._post(posting):
                again = {"attempt": deposit.attempt + 1, "pending_minor": None, "waiting": Waiting.LIQUIDITY}
                await self._rows.change(deposit, deposit.updated_at, **again)
                return None  # it is tried again at the next step, under another id
        return await self._rows.change(deposit, self._clock(), stage=Stage.PENDING, waiting=None)

    async def measure(
        self, deposit: Deposit, came: Sequence[Arrival], sent: Sequence[RecordedTransfer]
    ) -> Deposit | None:
        """What arrived, and what is credited for it, is written down."""
        arrived = deposit.arrived if deposit.arrived is not None else await self._arrived(deposit, came, sent)
        if arrived is None:
            return await self._unclear(deposit)
        if arrived == 0:
            await self._void(deposit)
            return await self._rows.change(deposit, self._clock(), stage=Stage.NOTHING, arrived=width32(0))
        dust = await self._rows.dust(deposit)
        due = self._credit(deposit, arrived, dust)
        now, values = self._clock(), {"arrived": width32(arrived), "waiting": None}
        if due is None:
            return await self._rows.change(deposit, now, stage=Stage.KEEPING, **values)
        if due.receive_minor > (deposit.pending_minor or 0):  # more is kept by now than when it was seen
            await self._void(deposit)
            again = {"attempt": deposit.attempt + 1, "pending_minor": None}
            return await self._rows.change(deposit, now, stage=Stage.SEEN, **again, **values)
        sums = {"exchanged_minor": due.exchanged_minor, "fee_minor": due.fee_minor, "receive_minor": due.receive_minor}
        return await self._rows.spend(dust, deposit, now, stage=Stage.CREDITING, **values, **sums)

    async def credit(self, deposit: Deposit) -> Deposit | None:
        """As it was written down."""
        assert deposit.credit is not None and deposit.arrived is not None, "it was measured"
        (holder, currency), own = _party(deposit), minor_and_dust(deposit.arrived, deposit.decimals)[0]
        books, is_in = deposit.books, deposit.received_minor is not None
        entering = None if is_in or not own else own
        await self._post_surely(
            books.credited(holder, CURRENCIES[currency], deposit.credit, entering), books.credited_id
        )
        sequence = await self._sequence(books.credited_id)
        values = {"sequence": sequence, "received_minor": own, "waiting": None, "reason": None}
        return await self._rows.change(deposit, self._clock(), stage=Stage.CREDITED, **values)

    async def keep(self, deposit: Deposit) -> Deposit | None:
        """Dust is received, and its pending credit, if there was one, taken back."""
        await self._void(deposit)
        return await self._receive(deposit, Stage.KEPT)

    async def receive(
        self, deposit: Deposit, came: Sequence[Arrival], sent: Sequence[RecordedTransfer]
    ) -> Deposit | None:
        """What is held enters the books. What never arrived is nothing; what is the operator's own is in them."""
        if await self._amount(deposit.books.own(1).first) is not None:
            return await self._rows.change(deposit, self._clock(), stage=Stage.OWN, reason=None, waiting=None)
        if deposit.arrived is None:
            arrived = await self._arrived(deposit, came, sent)
            if arrived is None:
                return await self._rows.change(deposit, deposit.updated_at, waiting=Waiting.NODE)
            values = {"arrived": width32(arrived), "waiting": None}
            if arrived == 0:
                return await self._rows.change(deposit, self._clock(), stage=Stage.NOTHING, **values)
            measured = await self._rows.change(deposit, self._clock(), **values)
            if measured is None:
                return None
            deposit = measured
        return await self._receive(deposit, deposit.stage)

    async def undo(self, deposit: Deposit) -> Deposit | None:
        """Its block is gone and nobody was credited: what it has in the ledger is taken back."""
        await self._void(deposit)
        minor = await self._amount(deposit.books.received(1).first)
        if minor is not None:
            await self._post_surely(deposit.books.unreceived(minor))
        blank = dict.fromkeys(("holder", "intent", "currency", "rate", "pending_minor", "arrived", "received_minor"))
        values = {"attempt": deposit.attempt + 1, "life": deposit.life + (minor is not None), "reason": None}
        kept = blank if not deposit.released else {name: None for name in blank if name not in ("holder", "currency")}
        return await self._rows.change(deposit, self._clock(), stage=Stage.GONE, waiting=None, **kept, **values)

    async def refund(self, deposit: Deposit, moves: Sequence[RecordedTransfer], final: int) -> Deposit | None:
        """The transaction that was named for it has sent it back, and is final."""
        if deposit.refund is None or deposit.received_minor is None:
            return None
        sent = [m for m in moves if m.transaction_hash == deposit.refund and m.position.block_number <= final]
        back = [m for m in sent if self._is_back(m, deposit)]
        if not back:
            return None
        units = sum(moved.units for moved in back)
        await self._post_surely(deposit.books.refunded(deposit.received_minor))
        return await self._rows.change(
            deposit, self._clock(), stage=Stage.RETURNED, refund_units=width32(units), waiting=None
        )

    async def lose(self, deposit: Deposit) -> Deposit | None:
        """What was credited stays with the person; the loss is the operator's, and people are to look at it."""
        minor = deposit.received_minor or 0
        if minor:
            await self._post_surely(deposit.books.lost(minor))
        await self._rows.lose(deposit, _case(deposit), self._clock())
        return None

    async def regain(self, deposit: Deposit) -> Deposit | None:
        minor = deposit.received_minor or 0
        if minor:
            await self._post_surely(deposit.books.regained(minor))
        stage = Stage.KEPT if deposit.spent_by is not None else Stage.CREDITED
        await self._rows.regain(deposit, stage, _case(deposit), self._clock())
        return None

    def _credit(self, deposit: Deposit, units: int, dust: Sequence[Deposit]) -> Credit | None:
        """Of so many units and what is kept, at the deposit's rate."""
        assert deposit.rate is not None, "it was judged"
        total = units + sum(grain.arrived or 0 for grain in dust)
        minor = minor_and_dust(units, deposit.decimals)[0] + sum(grain.received_minor or 0 for grain in dust)
        found = credit(deposit.rate, total, minor)
        return None if found is None or found.receive_minor < self._minimum_minor else found

    async def _arrived(self, deposit: Deposit, came: Sequence[Arrival], sent: Sequence[RecordedTransfer]) -> int | None:
        """The deposit's part of what came in its block."""
        known = await block_hash(self._engine, deposit.chain_id, deposit.block)
        if known is None:
            return None
        ours = [moved for moved in sent if moved.sender == self._treasury]
        units = await arrived_in(self._node, self._treasury, deposit.token, deposit.block, known, ours)
        return None if units is None else allot({each.id: each.units for each in came}, units).get(deposit.id)

    async def _unclear(self, deposit: Deposit) -> Deposit | None:
        """The node does not tell; after a while people look at it."""
        if self._clock() - deposit.updated_at < UNCLEAR_AFTER_NS:
            return await self._rows.change(deposit, deposit.updated_at, waiting=Waiting.NODE)
        await self._void(deposit)
        values = {"reason": Reason.UNCLEAR, "rate": None, "pending_minor": None, "waiting": None}
        return await self._rows.change(deposit, self._clock(), stage=Stage.HELD, attempt=deposit.attempt + 1, **values)

    async def _receive(self, deposit: Deposit, stage: Stage) -> Deposit | None:
        assert deposit.arrived is not None, "it was measured"
        minor = minor_and_dust(deposit.arrived, deposit.decimals)[0]
        if minor and deposit.received_minor is None:
            await self._post_surely(deposit.books.received(minor))
        return await self._rows.change(deposit, self._clock(), stage=stage, received_minor=minor, waiting=None)

    async def _void(self, deposit: Deposit) -> None:
        """The pending credit, where it stands, is taken back."""
        if not deposit.pending_minor or await self._amount(deposit.books.pending_id) is None:
            return
        holder, currency = _party(deposit)
        await self._post_surely(deposit.books.void(holder, CURRENCIES[currency]))

    async def _post(self, posting: Posting, known_by: int | None = None) -> bool:
        """Once. False where the ledger refuses it now, and may take another one later."""
        if await self._amount(posting.first if known_by is None else known_by) is not None:
            return True
        outcomes = await self._journal.post(posting.chain, posting.source)
        statuses = [outcome.status for outcome in outcomes]
        if all(status in _DONE for status in statuses):
            return True
        if any(status in TRANSIENT or status is TransferStatus.ID_ALREADY_FAILED for status in statuses):
            return False
        raise JournalBroken(self._journal.sequence, f"a deposit's posting: {statuses[0].name.lower()}")

    async def _post_surely(self, posting: Posting, known_by: int | None = None) -> None:
        if not await self._post(posting, known_by):
            raise JournalBroken(self._journal.sequence, "a deposit's posting was refused")

    async def _amount(self, transfer_id: int) -> int | None:
        """Of the transfer of that id, where it stands."""
        async with self._engine.connect() as conn:
            found = await history.transfer(conn, transfer_id)
        return None if found is None else found[1].amount

    async def _sequence(self, transfer_id: int) -> int:
        async with self._engine.connect() as conn:
            found = await history.transfer(conn, transfer_id)
        assert found is not None, "a posted transfer can be read"
        return found[0]

    def _is_back(self, moved: RecordedTransfer, deposit: Deposit) -> bool:
        same = moved.token == deposit.token and moved.kind in (Kind.NATIVE, Kind.ERC20) and moved.succeeded
        return same and moved.sender == self._treasury and moved.receiver == deposit.sender


def _case(deposit: Deposit) -> bytes:
    return keccak256(deposit.id + f"case:{deposit.life}".encode())


def _party(deposit: Deposit) -> tuple[bytes, str]:
    assert deposit.holder is not None and deposit.currency is not None, "it was judged"
    return deposit.holder, deposit.currency
