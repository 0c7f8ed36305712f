"""The worker that takes deposits, put together of a server's parts. It does nothing as long as there is no treasury."""

from __future__ import annotations

from pathlib import Path

from api.deposit_judge import Judge
from api.deposit_rows import DepositRows
from api.deposit_worker import DepositWorker
from api.errors import SettingWrong
from api.server import Server
from api.settings import Settings
from api.workers import Worker
from chain.address import Address
from chain.errors import ChainError, TreasuryError
from chain.indexer import Indexer
from chain.treasury_pipe import FOLDER, keystore_address

PAUSE_SECONDS = 0.5
SCREENED_MAX = 1_000_000


def deposit_workers(server: Server) -> list[Worker]:
    """One, beside the index that this process runs; it begins when there is a treasury. Raises SettingWrong."""
    index = server.indexer
    if index is None:
        return []
    listed = screened(server.settings.screened_file)
    taking: DepositWorker | None = None

    async def step() -> int:
        nonlocal taking
        if taking is None and (treasury := treasury_of(server.settings)) is not None:
            taking = _worker(server, index, treasury, listed)
        return 0 if taking is None else await taking.step()

    return [Worker("deposits", step, PAUSE_SECONDS, server.failures)]


def _worker(server: Server, index: Indexer, treasury: Address, listed: frozenset[Address]) -> DepositWorker:
    settings, rows = server.settings, DepositRows(server.engine, server.settings.chain_id, treasury)
    judge = Judge(
        *(rows, server.tariff, settings.quote_spread_ppm, server.holdings.prices, listed),
        clock=lambda: server.clock,
    )

    def caught_up_at() -> int | None:
        progress = index.progress
        return progress.height if progress is not None and progress.is_caught_up else None

    return DepositWorker(
        *(server.engine, server.journal, server.node, index.store, rows, judge),
        minimum_minor=settings.deposit_minimum_minor,
        tokens=server.tokens,
        confirmations=settings.confirmations,
        clock=lambda: server.clock,
        caught_up_at=caught_up_at,
    )


def treasury_of(settings: Settings) -> Address | None:
    """The address that takes tokens: as it is set, else that of the treasury's own key file, else none."""
    if settings.treasury is not None:
        return settings.treasury
    try:
        return keystore_address(settings.state / FOLDER)
    except TreasuryError:
        return None


def screened(file: Path | None) -> frozenset[Address]:
    """Addresses of whom nothing is taken unseen, one a line; `#` begins a remark. Raises SettingWrong."""
    if file is None:
        return frozenset()
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise SettingWrong("TANDEM_SCREENED", "is a file of addresses, one a line") from None
    found = set()
    for number, line in enumerate(lines[:SCREENED_MAX], 1):
        text = line.partition("#")[0].strip()
        try:
            found |= {Address(text)} if text else set()
        except ChainError:
            raise SettingWrong("TANDEM_SCREENED", f"has no address in line {number}") from None
    return frozenset(found)
