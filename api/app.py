"""The composition root: every part of a server is made here, once, and ended here.

`create_app` gives the ASGI application; its lifespan opens the journal and starts the workers. Nothing else in the
program makes an engine, a node or a journal for serving.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from aiohttp import ClientSession
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException

from api.auth import Site
from api.bridge_assets import bridge_assets, open_token_accounts
from api.currencies import CURRENCIES
from api.database import is_fresh, open_database, recording
from api.deposit_desk import DepositDesk
from api.deposit_workers import deposit_workers, treasury_of
from api.edge import Edge
from api.errors import ApiError, SettingWrong, TooManyRequests
from api.event_source import EventSource
from api.event_stream import LookOut
from api.feeds import PriceFeeds
from api.fees import open_tariff
from api.gas_cost import GasCost
from api.gateways.liquidity import fund_liquidity
from api.gateways.sandbox import Sandbox
from api.head_reader import HeadReader
from api.holdings import HoldingsReader
from api.limits import open_limits
from api.migrations import pending, upgrade
from api.nonces import NonceBook
from api.operator_key import open_key
from api.payout_ledger import PayoutLedger
from api.payout_rows import PayoutRows
from api.payouts import Payouts
from api.price_history import PriceHistory
from api.price_keeper import PriceKeeper
from api.problems import MEDIA_TYPE, Problem, of, of_http_status, of_validation
from api.query import strict_query
from api.quotes import QuoteDesk
from api.ratelimit import RateLimit
from api.relay import Relay
from api.routes import (
    addresses,
    chains,
    controls,
    conversions,
    deposits,
    events,
    health,
    holds,
    ledger,
    mandates,
    notices,
    orders,
    pay,
    prices,
    problems,
    quotes,
    sessions,
    statements,
    topups,
    transactions,
    users,
    views,
)
from api.server import Server
from api.settings import Settings
from api.story import Story
from api.workers import Worker, chain_workers, upkeep
from chain.devnet_contracts import CHAIN_ID, demo_feeds, demo_token, demo_tokens
from chain.errors import ChainError
from chain.indexer import Indexer
from chain.indexer_store import IndexerStore
from chain.node import Node
from chain.node_heads import HeadsListener
from chain.token import Token
from chain.token_list import TokenList
from chain.treasury_pipe import FOLDER, TreasuryPipe
from chain.treasury_rules import asset_name
from fiat.errors import FiatError
from fiat.journal import Journal
from fiat.tariff import Tariff

SANDBOX_PAUSE_SECONDS = 0.25
PRICES_PAUSE_SECONDS = 1
UPKEEP_PAUSE_SECONDS = 5
PAYOUTS_PAUSE_SECONDS = 0.25
_ROUTERS = (
    *(health, ledger, sessions, users, addresses, views, orders, conversions, holds, mandates, controls, quotes),
    *(deposits, notices, topups, statements, chains, prices, events, transactions, problems, pay),
)


def create_app(settings: Settings, *, workers: bool = True, routes: bool = True) -> FastAPI:
    """The application. `workers` False leaves the gateway and the indexer to another process; `routes` the routes."""
    if not __debug__:
        raise SettingWrong("python -O", "would drop checks that this server relies on")
    app = FastAPI(
        title="Tandem",
        summary="One wallet, two kinds of money: the operator's side.",
        version="1",
        lifespan=_lifespan(settings, workers),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for module in _ROUTERS if routes else (health, problems):
        app.include_router(module.router, dependencies=[Depends(strict_query)])
    app.add_middleware(Edge)
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(FiatError, _refused)
    app.add_exception_handler(ChainError, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http_refused)
    app.add_exception_handler(Exception, _refused)
    return app


def _lifespan(settings: Settings, workers: bool) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_server(settings, workers=workers) as server:
            app.state.server = server
            yield

    return lifespan


@asynccontextmanager
async def open_server(settings: Settings, *, workers: bool) -> AsyncIterator[Server]:
    """All parts, running. Raises SettingWrong, JournalBroken."""
    tariff = open_tariff(settings.fees_file, CURRENCIES)
    key = open_key(settings.state)
    async with AsyncExitStack() as stack:
        engine = open_database(settings.database_url, settings.database_password_file)
        stack.push_async_callback(engine.dispose)
        if engine.dialect.name == "sqlite" or await is_fresh(engine):
            await upgrade(engine)
        elif await pending(engine):
            raise SettingWrong("TANDEM_DATABASE_URL", "its schema is older than this program: tandem-server db upgrade")
        journal = await Journal.open(engine, key, policy=open_limits(settings.limits_file, CURRENCIES))
        stack.push_async_callback(journal.close)
        node = await stack.enter_async_context(
            Node(settings.chain_rpc, settings.chain_id, others=settings.chain_rpc_others)
        )
        relaying = await stack.enter_async_context(ClientSession())
        failures: dict[str, str] = {}
        tokens = listed_tokens(settings)
        sandbox = await _open_sandbox(settings, engine, journal, tariff)
        await open_token_accounts(journal, tokens)
        gateway = Worker("sandbox", sandbox.step, SANDBOX_PAUSE_SECONDS, failures)
        feeds, past = PriceFeeds(_feed_addresses(settings)), PriceHistory(engine, settings.chain_id)
        index = IndexerStore(recording(engine), settings.chain_id)
        head = HeadReader(node, feeds, time.time_ns)
        story = Story(engine, index, settings.chain_id, tokens, settings.confirmations)
        keeper = PriceKeeper(head, feeds, past, asks=workers)
        await keeper.begin()
        holdings = HoldingsReader(engine, journal, head, settings.chain_id, tokens, index, time.time_ns)
        desk = QuoteDesk(
            *(engine, key, journal.ledger_id, tariff, settings.quote_spread_ppm, holdings.prices, time.time_ns),
            gas_cost=GasCost(node, time.monotonic_ns),
        )
        server = Server(
            settings=settings,
            engine=engine,
            journal=journal,
            node=node,
            relay=Relay(relaying, lambda: node.provider.url, settings.chain_id),
            index=index,
            holdings=holdings,
            quotes=desk,
            price_history=past,
            feeds=feeds,
            look_out=LookOut(EventSource(engine, index, story, time.time_ns)),
            story=story,
            registry=token_registry(settings),
            nonces=NonceBook(engine, settings.chain_id),
            deposits=DepositDesk(
                *(engine, key, journal.ledger_id, desk, lambda: treasury_of(settings), tokens, time.time_ns)
            ),
            payouts=PayoutRows(engine),
            treasury=TreasuryPipe(settings.state / FOLDER),
            tokens=tokens,
            limits=RateLimit(settings.rate_per_second, settings.rate_burst),
            site=Site(settings.public_host, settings.public_origin, settings.chain_id, journal.ledger_id),
            sandbox=gateway,
            tariff=tariff,
            failures=failures,
        )
        await stack.enter_async_context(_running([Worker("prices", keeper.step, PRICES_PAUSE_SECONDS, failures)]))
        if workers:
            server.indexer = Indexer(engine, node, tokens, confirmations=settings.confirmations)
            keeping = Worker("upkeep", upkeep(journal), UPKEEP_PAUSE_SECONDS, failures)
            seeing = chain_workers(server.indexer, settings.chain_heads, failures, server.nonces.forget_all)
            stack.push_async_callback(server.treasury.close)
            sending = Worker("payouts", payouts_of(server).step, PAYOUTS_PAUSE_SECONDS, failures)
            await stack.enter_async_context(_running([gateway, keeping, sending, *seeing, *deposit_workers(server)]))
        yield server


async def _open_sandbox(settings: Settings, engine: AsyncEngine, journal: Journal, tariff: Tariff) -> Sandbox:
    """The pretend bank, its accounts and the operator's own money there."""
    sandbox = Sandbox(
        engine,
        journal,
        settings.sandbox_delay_ms,
        time.time_ns,
        clearing_cap_minor=settings.sandbox_clearing_cap_minor,
        settle_ms=settings.sandbox_settle_ms,
        tariff=tariff,
    )
    await sandbox.open_accounts()
    await fund_liquidity(engine, journal, settings.sandbox_liquidity_minor, time.time_ns())
    return sandbox


@asynccontextmanager
async def _running(workers: Sequence[Worker | HeadsListener]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.run(), name=f"worker {worker.name}") for worker in workers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def payouts_of(server: Server) -> Payouts:
    """What sends tokens for accepted orders."""
    assets = {
        asset_name(asset.token.chain_id, asset.token.address): asset for asset in bridge_assets(server.tokens).values()
    }
    ledger = PayoutLedger(server.engine, server.journal)
    confirmations = server.settings.confirmations
    return Payouts(server.payouts, ledger, server.node, server.treasury, assets, confirmations, time.time_ns)


def token_registry(settings: Settings) -> TokenList:
    """The demo's tokens, which the client ships too, as the root; under them those of the operator's list file."""
    shipped = tuple(demo_token(symbol) for symbol in demo_tokens())
    root = TokenList("Tandem demo tokens", shipped, timestamp="2026-11-22T00:00:00+00:00")
    if settings.tokens_file is None:
        return root
    return TokenList.parse(settings.tokens_file.read_bytes()).under(root, [Token.native(settings.chain_id)])


def listed_tokens(settings: Settings) -> tuple[Token, ...]:
    """The chain's own coin, then the registry's tokens on this chain."""
    return (Token.native(settings.chain_id), *token_registry(settings).on_chain(settings.chain_id))


def _feed_addresses(settings: Settings) -> dict[str, Any]:
    if settings.chain_id != CHAIN_ID:
        return {}
    return {pair: contract.address for pair, contract in demo_feeds().items()}


def _response(problem: Problem, **headers: str) -> Response:
    return Response(problem.body(), problem.row.status, headers, MEDIA_TYPE)


async def _refused(request: Request, error: Exception) -> Response:
    problem = of(error)
    if isinstance(error, TooManyRequests):
        return _response(problem, **{"Retry-After": str(error.fields["retry_after_seconds"])})
    if problem.row.status == 401:
        return _response(problem, **{"WWW-Authenticate": "Bearer"})
    return _response(problem)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _response(of_validation(list(error.errors())))


async def _http_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _response(of_http_status(error.status_code), **(error.headers or {}))
