"""What a running server consists of, and how routes reach it. Put together in app.py, nowhere else."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import Site
from api.deposit_desk import DepositDesk
from api.errors import NotFound, TooManyRequests
from api.event_stream import LookOut
from api.feeds import PriceFeeds
from api.freshness import Recent
from api.holdings import HoldingsReader
from api.nonces import NonceBook
from api.payout_rows import PayoutRows
from api.price_history import PriceHistory
from api.quotes import QuoteDesk
from api.ratelimit import RateLimit
from api.relay import Relay
from api.settings import Settings
from api.story import Story
from api.workers import Worker
from chain.indexer import Indexer
from chain.indexer_store import IndexerStore
from chain.node import Node
from chain.token import Token
from chain.token_list import TokenList
from chain.treasury_pipe import TreasuryPipe
from fiat.journal import Journal
from fiat.tariff import Tariff

SESSION_KEPT_NS = 5 * 10**9
SESSIONS_KEPT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and the hash of the token that says so."""

    holder: bytes
    handle: str
    token_hash: bytes


@dataclass(slots=True)
class Server:
    """The parts, each made once. `tokens` begins with the chain's own coin."""

    settings: Settings
    engine: AsyncEngine
    journal: Journal
    node: Node
    relay: Relay
    index: IndexerStore
    holdings: HoldingsReader
    story: Story
    registry: TokenList
    tokens: tuple[Token, ...]
    limits: RateLimit
    site: Site
    sandbox: Worker
    tariff: Tariff
    quotes: QuoteDesk
    price_history: PriceHistory
    feeds: PriceFeeds
    look_out: LookOut
    nonces: NonceBook
    deposits: DepositDesk
    payouts: PayoutRows
    treasury: TreasuryPipe
    failures: dict[str, str]
    """Workers that do not get on now, with the error's name: shown by health."""
    indexer: Indexer | None = None
    """Where this process runs it."""
    sessions: Recent[bytes, Session] = field(default_factory=lambda: Recent(SESSION_KEPT_NS, SESSIONS_KEPT_MAX))
    """Looked up a moment ago, by token hash."""

    @property
    def clock(self) -> int:
        """Unix nanoseconds."""
        return time.time_ns()

    def token(self, symbol: str) -> Token:
        """The listed token or the chain's own coin of that symbol. Raises NotFound."""
        for token in self.tokens:
            if token.symbol == symbol:
                return token
        raise NotFound("asset")

    def check_chain(self, chain_id: int) -> None:
        """Raises NotFound for a chain that this server does not serve."""
        if chain_id != self.settings.chain_id:
            raise NotFound("chain")

    def limit(self, request: Request, cost: int = 1) -> None:
        """Counts a request against its address. Raises TooManyRequests."""
        address = request.client.host if request.client else ""
        if wait := self.limits.take(address, time.monotonic_ns(), cost):
            raise TooManyRequests(wait)


def server_of(request: Request) -> Server:
    """The server that this request has reached."""
    server: Server = request.app.state.server
    return server


ServerHere = Annotated[Server, Depends(server_of)]
