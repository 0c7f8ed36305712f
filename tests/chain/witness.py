"""What an index recorded, in the form in which the oracle tells it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from chain.recorded import Kind
from chain.tables import chain_approvals, chain_blocks, chain_generations, chain_transfers
from tests.chain.oracle import Row

NAMES = {
    Kind.NATIVE: "native",
    Kind.INNER: "inner",
    Kind.ERC20: "erc20",
    Kind.ERC721: "erc721",
    Kind.ERC1155: "erc1155",
    Kind.ALL: "all",
}


async def recorded(engine: AsyncEngine, chain_id: int = 31337) -> tuple[list[Row], list[Row]]:
    """Transfers and approvals of the life that is followed."""
    lives = chain_generations.c
    followed = select(lives.generation).where(lives.chain_id == chain_id, lives.ended.is_(None))
    async with engine.connect() as conn:
        moves = (await conn.execute(select(chain_transfers).where(chain_transfers.c.generation.in_(followed)))).all()
        words = (await conn.execute(select(chain_approvals).where(chain_approvals.c.generation.in_(followed)))).all()
    transfers = [
        (
            *(row.block_number, "0x" + row.transaction_hash.hex(), row.log_index, NAMES[Kind(row.kind)]),
            *(row.token and row.token.lower(), row.token_id, row.sender.lower(), row.receiver.lower()),
            *(row.units, bool(row.succeeded)),
        )
        for row in moves
    ]
    approvals = [
        (
            *(row.block_number, "0x" + row.transaction_hash.hex(), row.log_index, NAMES[Kind(row.kind)]),
            *(row.token.lower(), row.owner.lower(), row.spender.lower(), row.number),
        )
        for row in words
    ]
    return sorted(transfers, key=repr), sorted(approvals, key=repr)


async def standing(engine: AsyncEngine, hashes: dict[int, str], chain_id: int = 31337) -> set[int]:
    """The recorded blocks that are on the chain with these hashes."""
    lives = chain_generations.c
    followed = select(lives.generation).where(lives.chain_id == chain_id, lives.ended.is_(None))
    async with engine.connect() as conn:
        rows = (await conn.execute(select(chain_blocks).where(chain_blocks.c.generation.in_(followed)))).all()
    return {row.number for row in rows if hashes.get(row.number) == "0x" + row.hash.hex()}


def differences(found: list[Row], expected: list[Row]) -> list[str]:
    """In words, the first few."""
    missing = [f"missing: {row}" for row in expected if row not in found]
    surplus = [f"not on the chain: {row}" for row in found if row not in expected]
    doubled = [f"twice: {row}" for row in found if found.count(row) > expected.count(row) > 0]
    return [*missing, *surplus, *doubled][:5]
