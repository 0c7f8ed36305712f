"""A ledger, a treasury and a chain of their own, on which orders for coins are accepted and paid; and the verdicts."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager

from sqlalchemy import func, select

from api.bridge_assets import PURPOSES, BridgeAsset
from api.payout_ledger import PayoutLedger
from api.payout_rows import Payout, PayoutRows
from api.payouts import Payouts
from api.tables import metadata as server_tables
from api.tables import payouts
from chain.address import Address
from chain.devnet_controls import set_automine
from chain.node import Node
from chain.quantity import quantity
from chain.token import Token
from chain.treasury_pipe import TreasuryPipe, make_treasury
from fiat import history
from fiat.authority import legs as order_legs
from fiat.bridge_quote import chain_asset
from fiat.chart import SourceKind
from fiat.currency import ISO_4217, Currency, currency
from fiat.history_check import verify
from fiat.holder import MAIN, OPERATOR
from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.journal_values import Source
from fiat.order import LedgerConversion, SignedOrder
from fiat.transfer import Transfer, TransferStatus
from tests.fiat.conftest import OPERATOR_KEY, Person, capital

CHAIN_ID = 31337
EUR = currency("EUR")
COIN = BridgeAsset(Token.native(CHAIN_ID), Currency("ETH", 9))
ASSETS = {chain_asset(CHAIN_ID, bytes(20)): COIN}
ETHER, GWEI = 10**18, 10**9
FUNDED_MINOR, FEE_MINOR = 1_000_000, 5
PRICE_MINOR = 1_000
TREASURY_ETHER = 100
WAIT_SECONDS = 90
"""For what has to happen; a slow machine needs longer than it should."""


def payouts_on(engine, journal, node, treasury, confirmations=1, kind=Payouts):
    return kind(PayoutRows(engine), PayoutLedger(engine, journal), node, treasury, ASSETS, confirmations, time.time_ns)


class PayoutTown:
    """`alice` has money, the operator coins; what she orders goes to addresses that nobody else uses."""

    def __init__(self, url, engine, journal, node, folder):
        self.url, self.engine, self.journal, self.node, self.folder = url, engine, journal, node, folder
        self.alice, self.orders = Person(0xA11CE), {}
        self.treasury = None

    async def found(self):
        await self.journal.open_holder(self.alice.genesis, [(EUR, MAIN)])
        for purpose in ("liquidity", "fees"):
            await self.journal.open_account(OPERATOR, EUR, purpose)
        for purpose in PURPOSES:
            await self.journal.open_account(OPERATOR, COIN.currency, purpose)
        funds = await capital(self.journal)
        await self._post(Transfer(5, funds, self.alice.account, FUNDED_MINOR, ledger=EUR.ledger, code=1))
        caps = {"chain_id": CHAIN_ID, "fee_wei": str(ETHER), "assets": {name: str(50 * ETHER) for name in ASSETS}}
        self.treasury = await make_treasury(self.folder, caps)
        await self.node.call("hardhat_setBalance", [self.treasury, hex(TREASURY_ETHER * ETHER)])
        owned = (COIN.account("treasury"), COIN.account("inventory"))
        held = Transfer(6, *owned, TREASURY_ETHER * GWEI, ledger=COIN.currency.ledger, code=15)
        await self._post(held, Source(SourceKind.CHAIN_LOG, os.urandom(32)))

    async def _post(self, transfer, source=None):
        (outcome,) = await self.journal.post([transfer], source)
        assert outcome.status is TransferStatus.CREATED, outcome

    async def accept(self, ether=1, receiver=None):
        """An order for so many coins, to a fresh address."""
        now = int(time.time())
        order = LedgerConversion(
            holder=self.alice.id,
            key_epoch=1,
            nonce=os.urandom(32),
            valid_after=now - 60,
            valid_before=now + 600,
            seen_head=self.alice.id,
            shown=bytes(32),
            currency="EUR",
            exponent=2,
            amount_minor=PRICE_MINOR,
            total_max_minor=PRICE_MINOR + FEE_MINOR,
            receive_asset=chain_asset(CHAIN_ID, bytes(20)),
            receive_min_minor=ether * ETHER,
            receive_to=receiver or os.urandom(20),
            reference=os.urandom(32),
        )
        ledger = self.journal.ledger_id
        terms = {"fee_minor": FEE_MINOR, "receive_minor": ether * GWEI, "token": COIN.currency}
        legs = order_legs(order, ledger, ISO_4217, payout="payout:sandbox", **terms)
        result = await self.journal.submit(SignedOrder(order, self.alice.key.sign_digest(order.digest(ledger))), legs)
        assert result.accepted, result
        self.orders[order.nonce] = order
        return order

    async def payout(self, order) -> Payout | None:
        return await PayoutRows(self.engine).find(order.holder, order.nonce)

    async def until(self, order, *states, step=None):
        """The payout once it is in one of these states."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                found = await self.payout(order)
                if found is not None and found.state.value in states:
                    return found
                if step is not None:
                    await step()
                await asyncio.sleep(0.05)

    async def verdicts(self, refunded=()):
        """What is wrong now that all is over: each order paid once, or, if it is in `refunded`, not at all."""
        wrong, paid = [], [order for order in self.orders.values() if order.nonce not in refunded]
        for order in self.orders.values():
            address = Address.from_bytes(order.receive_to)
            held = quantity(await self.node.call("eth_getBalance", [address, "latest"]))
            expected = 0 if order.nonce in refunded else order.receive_min_minor
            if held != expected:
                wrong.append(f"{address} holds {held}, not {expected}")
            found = await self.payout(order)
            state = "refunded" if order.nonce in refunded else "completed"
            if found is None or found.state.value != state:
                wrong.append(f"an order is {found}, not {state}")
        async with self.engine.connect() as conn:
            row = await history.account(conn, self.alice.account)
            stock = await history.account(conn, COIN.account("inventory"))
            count = await conn.scalar(select(func.count()).select_from(payouts))
        left = FUNDED_MINOR - len(paid) * (PRICE_MINOR + FEE_MINOR)
        if (row.account.booked, row.account.available) != (left, left):
            wrong.append(f"alice has {row.account.booked}, {row.account.available} of it free, not {left}")
        spent = sum(order.receive_min_minor for order in paid) // GWEI
        if not spent <= TREASURY_ETHER * GWEI - stock.account.booked < spent + GWEI or stock.account.debits_pending:
            wrong.append(f"the inventory is {stock.account}")
        if count != len(self.orders):
            wrong.append(f"{count} payouts of {len(self.orders)} orders")
        return wrong + [f"{p.sequence}: {p.reason}" for p in (await verify(self.engine)).problems]


@asynccontextmanager
async def payout_town(database_url, chain_url, folder):
    """A town on that chain, in a database that has the ledger's tables; what it sends is mined at once at first."""
    engine = open_engine(database_url)
    async with engine.begin() as conn:
        await conn.run_sync(server_tables.create_all)
    journal = await Journal.open(engine, OPERATOR_KEY)
    async with Node(chain_url, CHAIN_ID) as node:
        town = PayoutTown(database_url, engine, journal, node, folder / "treasury")
        try:
            await town.found()
            yield town
        finally:
            await set_automine(node, True)
            await journal.close()
            await engine.dispose()


@asynccontextmanager
async def paying(town, confirmations=1, kind=Payouts, node=None):
    """What sends, in this process."""
    treasury = TreasuryPipe(town.folder)
    try:
        yield payouts_on(town.engine, town.journal, node or town.node, treasury, confirmations, kind)
    finally:
        await treasury.close()
