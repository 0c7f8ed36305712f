"""The ledger's side of a payout: which orders ask for one, and the posting or freeing of what they reserved."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from api.bridge_assets import BridgeAsset
from api.bridge_states import State
from api.payout_rows import PayoutRows
from chain.block import Receipt
from fiat import history
from fiat.authority import source_id
from fiat.chart import TransferCode
from fiat.errors import ReservesExceeded
from fiat.journal import Journal
from fiat.journal_bridges import Settle
from fiat.order import LedgerConversion
from fiat.record import Record, TransferRecord
from fiat.token_scale import GAS, INVENTORY, TREASURY, units_of
from fiat.transfer import Transfer, TransferFlags

RECORDS_MAX = 500
GWEI = 10**9
LEGS_MAX = 3
log = logging.getLogger(__name__)


class PayoutLedger:
    """Reads and posts in one journal."""

    def __init__(self, engine: AsyncEngine, journal: Journal) -> None:
        self._engine, self._journal = engine, journal

    async def follow(self, rows: PayoutRows, assets: Mapping[str, BridgeAsset], now: int) -> int:
        """A row for each order that was accepted since the last look."""
        after = await rows.cursor()
        async with self._engine.connect() as conn:
            records = await history.tail(conn, after, RECORDS_MAX)
            if not records:
                return 0
            orders = {record.sequence: order for record in records if (order := _order(record)) is not None}
            seconds = {at: await history.transfer(conn, order.leg_id(1)) for at, order in orders.items()}
        found = []
        for record in records:
            second = seconds.get(record.sequence)
            if second is not None:
                order = orders[record.sequence]
                units = units_of(second[1].amount, assets[order.receive_asset].token.decimals)
                found.append(_row(order, record, units, now))
        await rows.follow(after, records[-1].sequence, found)
        return len(found) + (len(records) == RECORDS_MAX)

    async def settle(self, holder: bytes, nonce: bytes, *, sent: bool) -> int:
        """Post, or free, what the order reserved; the first record's sequence, now or from an earlier call."""
        async with self._engine.connect() as conn:
            record = await history.order_record(conn, holder, nonce)
            assert isinstance(record, TransferRecord) and record.order is not None, "it was accepted"
            order = record.order.order
            assert isinstance(order, LedgerConversion), "a payout is of a conversion"
            legs = [await history.transfer(conn, order.leg_id(leg)) for leg in range(LEGS_MAX)]
        pending = int(TransferFlags.PENDING)
        reserved = tuple(leg[1] for leg in legs if leg is not None and leg[1].flags & pending)
        sequence = await self._journal.ask(Settle(order, reserved, sent))
        if sequence is not None:
            return sequence
        async with self._engine.connect() as conn:
            found = await history.transfer(conn, order.leg_id(len(reserved)))
        assert found is not None, "a posted transfer can be read"
        return found[0]

    async def gas(self, receipt: Receipt, coin: BridgeAsset | None) -> None:
        """What the transaction cost: out of the reserve, and of the inventory as far as that has it. Once."""
        if coin is None or receipt.fee is None:
            return
        event = source_id(f"gas:{coin.token.chain_id}:{receipt.transaction_hash.hex()}")
        amount = -(-receipt.fee // GWEI)
        first = Transfer(
            id=int.from_bytes(event[:16], "big"),
            debit_account_id=coin.account(GAS),
            credit_account_id=coin.account(TREASURY),
            amount=amount,
            ledger=coin.currency.ledger,
            code=TransferCode.SETTLEMENT,
            flags=int(TransferFlags.BALANCING_CREDIT),
        )
        second = first._replace(
            id=int.from_bytes(event[16:], "big"),
            debit_account_id=coin.account(INVENTORY),
            credit_account_id=coin.account(GAS),
            flags=int(TransferFlags.BALANCING_DEBIT),
        )
        try:
            await self._journal.post([first, second])
        except ReservesExceeded as refused:
            log.error("gas of %s is not booked: %s", receipt.transaction_hash.hex(), refused)


def _order(record: Record) -> LedgerConversion | None:
    """The order that gives a currency for a token, of its first record."""
    signed = record.order if isinstance(record, TransferRecord) else None
    order = signed.order if signed is not None else None
    return order if isinstance(order, LedgerConversion) and any(order.receive_to) else None


def _row(order: LedgerConversion, record: Record, units: int, now: int) -> dict[str, Any]:
    return {
        "sequence": record.sequence,
        "holder": order.holder,
        "nonce": order.nonce,
        "asset": order.receive_asset,
        "units": units.to_bytes(32, "big"),
        "receiver": order.receive_to,
        "state": State.PENDING_ANCHOR.value,
        "since": record.timestamp,
        "due_at": now,
    }
