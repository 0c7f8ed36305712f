"""What was reversed of a transfer so far. Reads only, along the index of the account that it credited."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fiat.chart import TransferCode
from fiat.tables import transfers


async def reversed_minor(conn: AsyncConnection, transfer_id: int) -> int:
    """Minor units that reversals of this transfer moved back; 0 for an unknown one."""
    query = select(transfers.c.credit_account_id, transfers.c.credit_version).where(transfers.c.id == transfer_id)
    original = (await conn.execute(query)).one_or_none()
    if original is None:
        return 0
    undone = select(func.sum(transfers.c.amount)).where(
        transfers.c.debit_account_id == original.credit_account_id,
        transfers.c.debit_version > original.credit_version,
        transfers.c.user_data_128 == transfer_id,
        transfers.c.code == int(TransferCode.REVERSAL),
    )
    return int(await conn.scalar(undone) or 0)
