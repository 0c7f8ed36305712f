"""A treasury on a real chain, a journal in a real database and the worker between them, driven step by step."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from api.bridge_assets import bridge_assets, open_token_accounts
from api.database import open_database, recording
from api.deposit_desk import Asked, DepositDesk
from api.deposit_judge import Judge
from api.deposit_rows import Deposit, DepositRows
from api.deposit_worker import DepositWorker
from api.gateways.liquidity import fund_liquidity
from api.migrations import upgrade
from api.operator_key import open_key
from api.prices import PriceBook, Reading
from api.quotes import QuoteDesk
from api.tables import addresses, users
from chain.address import Address
from chain.calldata import encode_call
from chain.devnet_contracts import OWNER
from chain.erc20 import transfer
from chain.indexer import Indexer
from chain.node import Node
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from fiat import history
from fiat.currency import currency
from fiat.history_check import verify
from fiat.holder import MAIN, OPERATOR, HolderGenesis, account_id
from fiat.journal import Journal
from fiat.tariff import Tariff

EUR = currency("EUR")
PURPOSES = ("inventory", "treasury", "suspense:deposits", "reorg_loss")
GAS = 400_000


@dataclass
class Payer:
    """A person at the ledger and one address of theirs, which the test chain signs for."""

    holder: bytes
    address: Address


@dataclass
class Ground:
    """A journal in a database of its own, with money to convert into."""

    engine: Any
    key: Any
    journal: Journal

    @classmethod
    async def open(cls, url: str, folder: Path) -> Ground:
        engine = open_database(url, None)
        await upgrade(engine)
        key = open_key(folder)
        journal = await Journal.open(engine, key)
        for code in ("EUR", "USD", "GBP", "CNY", "JPY"):
            await journal.open_account(OPERATOR, currency(code), "bank")
        await fund_liquidity(engine, journal, 10**9, time.time_ns())
        return cls(engine, key, journal)

    async def close(self) -> None:
        await self.journal.close()
        found = await verify(self.engine)
        await self.engine.dispose()
        assert found.intact, "whatever was done, the books are whole"


@dataclass
class Bench:
    """`listed` are the tokens that the operator takes, the chain's own coin first."""

    ground: Ground
    node: Node
    listed: tuple[Token, ...]
    confirmations: int = 3
    treasury: Address = field(default_factory=lambda: Address.from_bytes(os.urandom(20)))
    screened: set[Address] = field(default_factory=set)
    tariff: Tariff = field(default_factory=lambda: Tariff({}))
    minimum_minor: int = 1
    before: dict[tuple[str, str], int] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)

    async def open(self) -> Bench:
        for pair, answer in (("DUSD/USD", 10**8), ("ETH/USD", 3000 * 10**8), ("EUR/USD", 125 * 10**6)):
            self.readings[pair] = Reading(answer, 8, self.clock() // 10**9)
        self.rebuild()
        await open_token_accounts(self.journal, self.listed)
        await self.worker.begin()
        for asset in bridge_assets(self.listed):
            for purpose in PURPOSES:
                self.before[asset, purpose] = await self.operators(asset, purpose)
        return self

    @property
    def engine(self) -> Any:
        return self.ground.engine

    @property
    def journal(self) -> Journal:
        return self.ground.journal

    def rebuild(self) -> None:
        """All parts anew over the same database, as after the process was killed."""
        quotes = QuoteDesk(
            self.engine, self.ground.key, self.journal.ledger_id, self.tariff, 5000, self.prices, self.clock
        )
        self.quotes = quotes
        self.desk = DepositDesk(
            self.engine, self.ground.key, self.journal.ledger_id, quotes, lambda: self.treasury, self.listed, self.clock
        )
        self.index = Indexer(self.engine, self.node, self.listed[1:], confirmations=self.confirmations)
        self.rows = DepositRows(self.engine, self.node.chain_id, self.treasury)
        judge = Judge(self.rows, self.tariff, 5000, self.prices, self.screened, self.clock)
        self.worker = DepositWorker(
            *(self.engine, self.journal, self.node, self.index.store, self.rows, judge),
            minimum_minor=self.minimum_minor,
            tokens=self.listed,
            confirmations=self.confirmations,
            clock=self.clock,
            caught_up_at=lambda: self.caught_up,
        )
        self.caught_up: int | None = None

    def clock(self) -> int:
        return time.time_ns()

    async def prices(self) -> PriceBook:
        return PriceBook(self.clock() // 10**9, self.readings)

    async def payer(self, units: int = 10**12, wei: int = 10**18, address: Address | None = None) -> Payer:
        """Registered, with tokens and coins; `address`: one that the chain really signs for."""
        genesis = HolderGenesis(os.urandom(20), os.urandom(32))
        await self.journal.open_holder(genesis, [(EUR, MAIN)])
        one = Payer(genesis.holder_id, address or Address.from_bytes(os.urandom(20)))
        handle = f"p{os.urandom(6).hex()}"
        row = {"holder": one.holder, "handle": handle, "skeleton": handle, "genesis": genesis.document}
        proved = {"chain_id": self.node.chain_id, "address": one.address.raw, "holder": one.holder}
        async with recording(self.engine).begin() as conn:
            await conn.execute(insert(users).values(**row, created_at=0))
            await conn.execute(
                insert(addresses).values(**proved, valid_before=2**40, signature=bytes(65), created_at=0)
            )
        if address is None:
            await self.endow(one.address, units, wei)
        return one

    async def endow(self, address: Address, units: int = 10**12, wei: int = 10**18) -> None:
        await self.node.call("hardhat_impersonateAccount", [address])
        await self.node.call("hardhat_setBalance", [address, hex(wei)])
        for token in self.listed[1:]:
            await self.call(OWNER, token.address, "mint(address,uint256)", address, units)

    async def call(self, sender: Address, to: Address, signature: str, *arguments: Any) -> bytes:
        return await self.send(
            TransactionRequest(self.node.chain_id, to, data=encode_call(signature, *arguments)), sender
        )

    async def send(self, request: TransactionRequest, sender: Address) -> bytes:
        """Sent, in a block, and done."""
        asked = {**request.with_sender(sender).to_rpc(), "gas": hex(GAS)}
        sent = bytes.fromhex(str(await self.node.call("eth_sendTransaction", [asked]))[2:])
        assert (await self.node.wait_for_receipt(sent)).succeeded
        return sent

    async def intent(self, payer: Payer, amount: str, **options: Any) -> bytes:
        """Opened at the rate of the moment, or of a quote."""
        identity = os.urandom(32)
        asked = {"asset": self.listed[-1].symbol, "amount": amount, "currency": "EUR", "if_late": "requote"} | options
        await self.desk.open(payer.holder, identity, Asked(sender=payer.address, **asked))
        return identity

    async def quote(self, payer: Payer, units: int, token: Token | None = None) -> bytes:
        offer = await self.quotes.offer_bridge(payer.holder, EUR, token or self.listed[-1], units, to_token=False)
        return offer.id

    async def pay(self, payer: Payer, units: int, token: Token | None = None) -> bytes:
        amount = TokenAmount(units, token or self.listed[-1])
        return await self.send(transfer(amount, self.treasury), payer.address)

    async def mine(self, blocks: int) -> None:
        await self.node.call("hardhat_mine", [hex(blocks)])

    async def follow(self) -> None:
        """The index is at the head, and the worker has done what there was to do."""
        progress = await self.index.catch_up()
        self.caught_up = progress.height
        for _ in range(20):
            if not await self.worker.step():
                return
        raise AssertionError("the worker is never done")

    async def finish(self) -> None:
        await self.mine(self.confirmations)
        await self.follow()

    async def deposits(self) -> list[Deposit]:
        return await self.rows.to_look_at(0)

    async def only(self) -> Deposit:
        (one,) = await self.deposits()
        return one

    async def balance(self, payer: Payer) -> tuple[int, int]:
        """Booked and coming, EUR minor units."""
        return await self._sums(account_id(payer.holder, EUR))

    async def operators(self, asset: str, purpose: str) -> int:
        """Credits less debits, posted since the bench was opened."""
        token = bridge_assets(self.listed).get(asset)
        code = EUR if token is None else token.currency
        booked = (await self._sums(account_id(OPERATOR, code, purpose)))[0]
        return booked - self.before.get((asset, purpose), 0)

    async def _sums(self, account: int) -> tuple[int, int]:
        async with self.engine.connect() as conn:
            row = await history.account(conn, account)
        return (0, 0) if row is None else (row.account.booked, row.account.credits_pending)


def eur_minor(units: int, decimals: int = 6, price: Sequence[int] = (100, 125)) -> int:
    """What so many units of a dollar token come to at the bench's rate and spread, worked out apart from the code."""
    return units * price[0] * (1_000_000 - 5000) * 100 // (price[1] * 1_000_000 * 10**decimals)
