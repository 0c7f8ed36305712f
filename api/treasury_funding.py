"""The operator's own tokens come into the inventory: by a final transfer to the treasury, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.bridge_assets import BridgeAsset
from api.deposit_postings import SUSPENSE, Books
from api.deposits import deposit_id
from api.errors import FundingRefused
from api.tables import addresses
from chain.address import Address
from chain.erc20 import decode_transfer_log
from chain.node import Node
from chain.reorg import final_height
from chain.token import TokenAmount
from chain.transaction_answer import parse_transaction
from fiat.holder import OPERATOR
from fiat.journal import Journal
from fiat.token_scale import minor_and_dust
from fiat.transfer import TransferStatus

_DONE = (TransferStatus.CREATED, TransferStatus.EXISTS)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one transfer brought to the treasury; `ordinal` counts the transaction's others of that token before it."""

    asset: BridgeAsset
    sender: Address
    amount: TokenAmount
    ordinal: int


async def arrivals(
    node: Node, transaction: bytes, treasury: Address, assets: Mapping[str, BridgeAsset], confirmations: int
) -> list[Arrival]:
    """What a final transaction brought. Raises FundingRefused: not final, reverted, or nothing of what is listed."""
    hexed = "0x" + transaction.hex()
    receipt, answer = await node.receipt(transaction), await node.call("eth_getTransactionByHash", [hexed])
    if receipt is None or answer is None or receipt.block_number > final_height(await node.height(), confirmations):
        raise FundingRefused(hexed, "not_final")
    (block,) = await node.blocks([receipt.block_number])
    if block is None or block.hash != receipt.block_hash:
        raise FundingRefused(hexed, "not_final")
    if not receipt.succeeded:
        raise FundingRefused(hexed, "reverted")
    found = []
    sent = parse_transaction(answer)
    by_contract = {asset.token.address: asset for asset in assets.values()}
    if sent.request.to == treasury and sent.request.value and None in by_contract:
        coin = by_contract[None]
        found.append(Arrival(coin, sent.sender, TokenAmount(sent.request.value, coin.token), 0))
    for log in receipt.logs:
        moved, asset = decode_transfer_log(log), by_contract.get(log.address)
        if moved is not None and asset is not None and moved.receiver == treasury and moved.units:
            before = sum(one.asset is asset for one in found)
            found.append(Arrival(asset, moved.sender, TokenAmount(moved.units, asset.token), before))
    if not found:
        raise FundingRefused(hexed, "nothing_arrived")
    return found


async def record(engine: AsyncEngine, journal: Journal, arrival: Arrival, transaction: bytes) -> int:
    """Into the inventory, once; the minor units. What a person sent is a deposit of theirs: FundingRefused."""
    token = arrival.asset.token
    query = select(addresses.c.holder)
    mine = (addresses.c.chain_id == token.chain_id, addresses.c.address == arrival.sender.raw)
    async with engine.connect() as conn:
        if await conn.scalar(query.where(*mine)) is not None:
            raise FundingRefused("0x" + transaction.hex(), "a_persons")
    minor, _ = minor_and_dust(arrival.amount.units, token.decimals)
    books = Books(deposit_id(token.chain_id, transaction, token.address, arrival.ordinal), arrival.asset.currency)
    await journal.open_account(OPERATOR, arrival.asset.currency, SUSPENSE)
    for posting in (books.received(minor), books.own(minor)):  # the first may stand: whoever looks at deposits saw it
        (outcome,) = await journal.post(posting.chain, posting.source)
        if outcome.status not in _DONE:
            raise FundingRefused("0x" + transaction.hex(), outcome.status.name.lower())
    return minor
