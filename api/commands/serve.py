"""`serve`: the API and its workers in one process, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import click
import uvicorn
import uvloop

from api.app import create_app
from api.commands.output import answer, json_option
from api.errors import SettingWrong
from api.settings import Settings
from api.texts import _

CONNECTIONS_MAX = 1000
GRACE_SECONDS = 5
KEEP_ALIVE_SECONDS = 30
BACKLOG = 1024
COLLECTED_AFTER = (200_000, 50, 1000)
"""Objects made before the collector walks: a batch keeps thousands until it is written; to walk over them is waste."""


class _Announcing(uvicorn.Server):
    """A uvicorn server that says when it is ready, and ends what would never end by itself before it waits."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], close_streams: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._ready, self._close_streams = ready, close_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._close_streams()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


@click.command(help=_("Serve the API and run the workers, until Ctrl-C."))
@click.option("--workers-only", is_flag=True, help=_("gateway and indexer without the API (health stays)"))
@click.option("--no-workers", is_flag=True, help=_("the API without gateway and indexer"))
@json_option
def serve(workers_only: bool, no_workers: bool, as_json: bool) -> None:
    if workers_only and no_workers:
        raise click.UsageError(_("--workers-only and --no-workers exclude each other."))
    settings = Settings.from_environment(os.environ)
    listening = listen(settings)
    host, port = listening.getsockname()[:2]
    settings = settings.listening_on(host, port)
    # uvicorn passes the signal that ended it on; a server that was asked to stop has done well.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    uvloop.run(_serve(settings, listening, workers=not no_workers, routes=not workers_only, as_json=as_json))


def listen(settings: Settings) -> socket.socket:
    """A listening socket on the settings' address. Raises SettingWrong when it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.listen_host, settings.listen_port))
    except OSError as error:
        listening.close()
        raise SettingWrong("TANDEM_LISTEN", error.strerror or "cannot be listened on") from None
    listening.listen(BACKLOG)
    listening.set_inheritable(False)
    return listening


async def _serve(settings: Settings, listening: socket.socket, *, workers: bool, routes: bool, as_json: bool) -> None:
    """Open the server's parts first, so that what is wrong is said in a sentence; then take connections."""
    app = create_app(settings, workers=workers, routes=routes)
    config = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    async with app.router.lifespan_context(app):
        gc.freeze()
        gc.set_threshold(*COLLECTED_AFTER)
        journal = app.state.server.journal

        def ready() -> None:
            ledger_id = "0x" + journal.ledger_id.hex()
            document = {
                "url": settings.url,
                "ledger_id": ledger_id,
                "database": settings.shown_database_url,
                "chain_rpc": settings.chain_rpc,
                "pid": os.getpid(),
            }
            lines = (
                _("Tandem serves {url}").format(url=settings.url),
                _("  ledger    {ledger_id}").format(ledger_id=ledger_id),
                _("  database  {database}").format(database=settings.shown_database_url),
                _("  chain     {chain}").format(chain=settings.chain_rpc),
                _("Ctrl-C ends it."),
            )
            answer(document, as_json, *lines)
            sys.stdout.flush()

        await _Announcing(config, ready, app.state.server.look_out.close).serve(sockets=[listening])
