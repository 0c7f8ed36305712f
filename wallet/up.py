"""`tandem up` at work: signer, socket, dApp endpoint, control API and pages in one process, until told to end."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from chain.errors import ChainError
from wallet.approvals import SETTLE_SECONDS
from wallet.config import Config
from wallet.control import Control, keep_token, read_accounts
from wallet.dapp_aftermath import Aftermath
from wallet.dapp_extension import Pairing
from wallet.dapp_host import Host
from wallet.dapp_provider import Provider
from wallet.dapp_server import DappServer
from wallet.door import Door, Handler
from wallet.errors import CallRefused, WalletError
from wallet.frames import Frame
from wallet.grants import grant_key, program_document, rows
from wallet.happenings import disconnected
from wallet.listen import Listen
from wallet.loopback import sockets
from wallet.prompts import unseen_json
from wallet.signing import Signer
from wallet.state import Store
from wallet.web.assets import Assets
from wallet.web.server import UiServer
from wallet.web.visit import Place

SWEEP_SECONDS = 1
FILES_MAX = 8192
SHUTDOWN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Running:
    """What is up, on which ports."""

    host: Host
    aftermath: Aftermath
    pairing: Pairing
    dapp_port: int
    control_port: int
    ui: UiServer

    def to_json(self) -> dict[str, Any]:
        dapp, control = f"127.0.0.1:{self.dapp_port}", f"127.0.0.1:{self.control_port}"
        return {"dapp": f"http://{dapp}", "websocket": f"ws://{dapp}", "control": f"http://{control}"}


@contextlib.asynccontextmanager
async def opened(
    config: Config, store: Store, signer: Signer, *, token_approves: bool, settle_seconds: float = SETTLE_SECONDS
) -> AsyncIterator[Running]:
    """Everything, while the block lasts. Raises ListenRefused, DoorTaken, StateUnusable."""
    _raise_file_limit()
    host = Host(config, store, signer, settle_seconds)
    provider, pairing = Provider(host), Pairing()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(host.close)
        stack.push_async_callback(provider.close)
        dapp, control = _listening(stack, config.dapp_listen), _listening(stack, config.control_listen)
        pages = _listening(stack, config.ui_listen)
        server = DappServer(host, provider, pairing, dapp[1])
        place = Place(host, provider.aftermath, pairing, server.hang_up_extension, dapp[1])
        ui = UiServer(place, pages[1], Assets.read())
        running = Running(host, provider.aftermath, pairing, dapp[1], control[1], ui)
        handlers = _Handlers(running, server).by_name()
        await stack.enter_async_context(Door(config.home, signer, handlers))
        control_app = Control(host.desk, keep_token(config.home), control[1], approves=token_approves).application()
        apps = ((control_app, control), (server.application(), dapp), (ui.application(), pages))
        for app, (listeners, _port) in apps:
            await _serve(stack, app, listeners)
        stack.push_async_callback(server.hang_up)
        stack.callback(ui.events.close)
        stack.callback(host.tell_all, disconnected("The wallet was closed."))
        for work in (host.desk.work(), _sweep(host), ui.work()):
            task = asyncio.create_task(work)
            stack.push_async_callback(_cancelled, task)
        yield running


def _raise_file_limit() -> None:
    """Every WebSocket is a descriptor; the usual limit of 1,024 is for programs of another kind."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_MAX:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES_MAX, hard), hard))


def _listening(stack: contextlib.AsyncExitStack, listen: Listen) -> tuple[list[Any], int]:
    listeners, port = sockets(listen)
    for listener in listeners:
        stack.callback(listener.close)
    return listeners, port


async def _serve(stack: contextlib.AsyncExitStack, app: web.Application, listeners: list[Any]) -> None:
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    for listener in listeners:
        await web.SockSite(runner, listener).start()


async def _sweep(host: Host) -> None:
    """Grants of processes end with them; what other commands write to the files is taken up."""
    seen = host.stamp()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        with contextlib.suppress(WalletError):
            host.sweep()
            if host.stamp() != seen:
                host.reread()
            seen = host.stamp()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _Handlers:
    """What the person's other commands ask through the socket."""

    def __init__(self, running: Running, server: DappServer) -> None:
        self._running, self._server = running, server
        self._host, self._desk = running.host, running.host.desk

    def by_name(self) -> Mapping[str, Handler]:
        return {
            "client": self._client,
            "ui": self._ui,
            "approvals": self._approvals,
            "approve": self._approve,
            "choose": self._choose,
            "decline": self._decline,
            "pair": self._pair,
            "pair_extension": self._pair_extension,
            "grants": self._grants,
            "revoke": self._revoke,
        }

    async def _client(self, _arguments: Frame) -> Frame:
        return self._running.to_json()

    async def _ui(self, _arguments: Frame) -> Frame:
        return {"ui": self._running.ui.new_link()}

    async def _approvals(self, _arguments: Frame) -> Frame:
        shown, preparing = self._desk.shown(), self._desk.preparing()
        return {
            "approvals": [shown.to_json()] if shown is not None else [],
            "preparing": unseen_json(preparing, "preparing") if preparing is not None else None,
            "waiting": len(self._desk.behind()),
            "behind": [unseen_json(prompt, "waiting") for prompt in self._desk.behind()],
            "surprises": [surprise.to_json() for surprise in self._running.aftermath.surprises],
        }

    async def _approve(self, arguments: Frame) -> Frame:
        number, digest = str(arguments.get("id")), str(arguments.get("digest"))
        try:
            accounts = read_accounts(arguments.get("accounts", []))
        except ChainError:
            raise CallRefused("approve", "accounts") from None
        password, always = str(arguments.get("password", "")), arguments.get("always") is True
        await self._desk.approve(number, digest, password, accounts=accounts, always=always)
        return {"id": number, "state": "approved"}

    async def _choose(self, arguments: Frame) -> Frame:
        try:
            accounts = read_accounts(arguments.get("accounts"))
        except ChainError:
            raise CallRefused("choose", "accounts") from None
        return self._desk.choose(str(arguments.get("id")), accounts).to_json()

    async def _decline(self, arguments: Frame) -> Frame:
        number = str(arguments.get("id"))
        self._desk.decline(number)
        return {"id": number, "state": "declined"}

    async def _pair(self, arguments: Frame) -> Frame:
        name = str(arguments.get("name"))
        self._host.book.pair(name, int(time.time()))
        return program_document(name, self._running.dapp_port)

    async def _pair_extension(self, _arguments: Frame) -> Frame:
        return {"code": self._running.pairing.show()}

    async def _grants(self, _arguments: Frame) -> Frame:
        self._host.sweep()
        return {"grants": rows(self._host.book, self._host.clients())}

    async def _revoke(self, arguments: Frame) -> Frame:
        book = self._host.book
        key = grant_key(str(arguments.get("name")), book.grants, book.programs, book.extensions())
        self._host.revoke(key)
        await self._server.hang_up_extension(key)
        return {"revoked": key}
