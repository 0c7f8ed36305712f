"""New heads over WebSocket (`eth_subscribe`): a hint that there is something to read, never what there is.

Whoever follows a chain polls as well, so a socket that is away, silent or lying costs an interval of polling, no more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import aiohttp

MESSAGE_BYTES_MAX = 1024 * 1024
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.5, 30.0
SILENCE_SECONDS_MAX = 60.0
_SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})

_log = logging.getLogger(__name__)


class HeadsListener:
    """Calls `wake` at each new head. `is_connected` is for health."""

    def __init__(self, url: str, wake: Callable[[], None]) -> None:
        self.name = "heads"
        self.is_connected = False
        self._url, self._wake = url, wake

    async def run(self) -> None:
        """Until cancelled; connects again for ever."""
        pause = PAUSE_SECONDS
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    await self._listen(session)
                    pause = PAUSE_SECONDS
                except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
                    _log.debug("No new heads from %s: %r", urlsplit(self._url).hostname, error)
                finally:
                    self.is_connected = False
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE_SECONDS_MAX)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(self._url, max_msg_size=MESSAGE_BYTES_MAX, heartbeat=SILENCE_SECONDS_MAX) as ws:
            await ws.send_str(_SUBSCRIBE)
            async for message in ws:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                self.is_connected = True
                self._wake()


def heads_url(url: str) -> str:
    """Where a node that serves both on one port (Anvil, Hardhat) has its WebSocket."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))
