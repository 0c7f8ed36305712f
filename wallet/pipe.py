"""The pipe to the signer's process: our own child's, or the running client's through its socket.

Calls go one at a time; a signer that ended by itself (idle) is started anew, locked.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from wallet.errors import SignerLost
from wallet.frames import FRAME_BYTES_MAX, Frame, receive_from, result, send_to
from wallet.peer import connect_unix

VAULT_NAME = "vault.json"
SOCKET_NAME = "client.sock"
IDLE_SECONDS = 15 * 60
_END_SECONDS = 5


@dataclass(slots=True)
class _Channel:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    process: asyncio.subprocess.Process | None = None

    @property
    def is_gone(self) -> bool:
        """The other end hung up, or was killed."""
        return self.reader.at_eof() or self.reader.exception() is not None

    async def close(self) -> None:
        """Hang up; a child of ours ends by that, or is ended."""
        self.writer.close()
        if self.process is not None:
            try:
                await asyncio.wait_for(self.process.wait(), _END_SECONDS)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


class Pipe:
    """One vault's signer. Every call raises the WalletError that the signer answered, or SignerLost."""

    def __init__(self, home: Path, *, idle_seconds: float = IDLE_SECONDS, through_door: bool = False) -> None:
        self.home = home
        self.through_door = through_door
        self._idle_seconds = idle_seconds
        self._channel: _Channel | None = None
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, home: Path) -> Self:
        """The running client's signer if one answers, else one of our own. Close it in either case."""
        signer = cls(home, through_door=True)
        try:
            signer._channel = await _open_door(home)
        except OSError:
            signer.through_door = False
        return signer

    async def start(self) -> None:
        """Start the process now, so that its start-up passes while a person types."""
        async with self._turn:
            await self._live()

    async def lock(self) -> None:
        """Forget the keys: the process ends. Whoever signs next unlocks first."""
        async with self._turn:
            if self._channel is not None and not self._channel.is_gone:
                await _ask(self._channel, {"call": "lock", "with": {}})
            if not self.through_door:
                await self._drop()

    async def close(self) -> None:
        """End our own signer; the running client's stays as it is."""
        async with self._turn:
            await self._drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def forward(self, request: Frame) -> Frame:
        """Pass a frame through unread, for the door: the answer as it came. Raises SignerLost.

        A caller that is cancelled leaves the exchange to finish, so that its answer is nobody else's.
        """
        return await asyncio.shield(self._exchange(request))

    async def _exchange(self, request: Frame) -> Frame:
        async with self._turn:
            return await _ask(await self._live(), request)

    @property
    def pid(self) -> int | None:
        """The child's process id while it lives."""
        process = self._channel.process if self._channel else None
        return process.pid if process is not None and process.returncode is None else None

    async def call(self, call: str, /, **arguments: object) -> Frame:
        return result(await self.forward({"call": call, "with": arguments}))

    async def _live(self) -> _Channel:
        if self._channel is not None and self._channel.is_gone:
            await self._drop()
        if self._channel is None:
            try:
                self._channel = await (_open_door(self.home) if self.through_door else self._spawn())
            except OSError:
                raise SignerLost("client-gone" if self.through_door else "not-started") from None
        return self._channel

    async def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def _spawn(self) -> _Channel:
        ours, theirs = socket.socketpair()
        number = str(theirs.fileno())
        arguments = ["-I", "-m", "wallet.signer", number, str(self._idle_seconds), str(self.home / VAULT_NAME)]
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # Ctrl-C is the parent's to hear; and no terminal to type into
            env=_environment(),
        )
        theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours, limit=FRAME_BYTES_MAX)
        return _Channel(reader, writer, process)


async def _open_door(home: Path) -> _Channel:
    reader, writer = await connect_unix(home / SOCKET_NAME, limit=FRAME_BYTES_MAX)
    return _Channel(reader, writer)


async def _ask(channel: _Channel, request: Frame) -> Frame:
    """One question and its answer. Raises SignerLost where none comes."""
    try:
        await send_to(channel.writer, request)
        answer = await receive_from(channel.reader)
    except ConnectionError:
        answer = None
    if answer is None:
        raise SignerLost("ended")
    return answer


def _environment() -> dict[str, str]:
    """Nothing but what a shared Python needs to be found: no variable of Python or eth-keys reaches the signer."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"LANG": "C.UTF-8", **kept}
