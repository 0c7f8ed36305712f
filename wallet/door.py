"""The running client's socket: other commands of the same person use its signer through it.

The frames are the signer's own. What makes or shows a phrase does not pass: those commands start a signer of their own.
Nor does `permit`: who asks at the door for dApps is this client's to say; whoever speaks here is the person's own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from wallet.errors import CallRefused, DoorTaken, SignerLost, WalletError
from wallet.frames import FRAME_BYTES_MAX, Frame, failure, receive_from, send_to
from wallet.peer import connect_unix, is_same_user, listen_unix
from wallet.signing import SOCKET_NAME, Signer

Handler = Callable[[Frame], Awaitable[Frame]]

PASSED = frozenset(
    {
        "status",
        "unlock",
        "add_account",
        "add_paths",
        "edit_account",
        "addresses",
        "find",
        "add_keystore",
        "prove_backup",
        "sign_transaction",
        "sign_delegation",
        "sign_in",
        "sign_message",
        "sign_typed_data",
        "sign_order",
        "policy",
        "add_rule",
        "remove_rule",
        "reset_counters",
        "consent",
    }
)
_GUESTS_MAX = 16


class Door:
    """Serves `home`'s socket until closed. `handlers` answer further calls of the client's own by name.

    `lock` ends the signer's process and leaves the door open: the next `unlock` starts it again.
    """

    def __init__(self, home: Path, signer: Signer, handlers: Mapping[str, Handler] | None = None) -> None:
        self.path = home / SOCKET_NAME
        self._signer = signer
        self._handlers = dict(handlers or {})
        self._accepting: asyncio.Task[None] | None = None
        self._guests: dict[asyncio.Task[None], socket.socket] = {}

    async def open(self) -> None:
        """Raises DoorTaken where another client answers at that socket; one left by a dead client is replaced."""
        if await _answers(self.path):
            raise DoorTaken(str(self.path))
        self.path.unlink(missing_ok=True)
        try:
            listener = listen_unix(self.path)
        except OSError:
            raise DoorTaken(str(self.path)) from None
        self._accepting = asyncio.create_task(self._accept(listener))

    async def close(self) -> None:
        """Stop listening, hang up on everyone (who is being answered still is), remove the socket."""
        if self._accepting is None:
            return
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._accepting = None
        for connection in self._guests.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        await asyncio.gather(*self._guests, return_exceptions=True)
        self.path.unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def _accept(self, listener: socket.socket) -> None:
        """Not asyncio's server: one that is closed with a guest on the doorstep leaves that guest waiting for ever."""
        with listener:
            while True:
                try:
                    connection, _ = await asyncio.get_running_loop().sock_accept(listener)
                except OSError:  # out of descriptors, or the guest is gone again
                    await asyncio.sleep(0.1)
                    continue
                if len(self._guests) >= _GUESTS_MAX or not is_same_user(connection):
                    connection.close()
                    continue
                guest = asyncio.create_task(self._serve(connection))
                self._guests[guest] = connection
                guest.add_done_callback(self._guests.pop)

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=FRAME_BYTES_MAX)
        try:
            while (request := await receive_from(reader)) is not None:
                await send_to(writer, await self._answer(request))
        except (ConnectionError, SignerLost):
            pass  # gone, or speaks no frames: hang up
        finally:
            writer.close()

    async def _answer(self, request: Frame) -> Frame:
        name, arguments = request.get("call"), request.get("with")
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return failure(CallRefused(str(name)[:32], "not-here"))
        try:
            if name == "lock":
                await self._signer.lock()
                return {"ok": {}}
            if name in PASSED:
                return await self._signer.forward(request)
            if name in self._handlers:
                return {"ok": await self._handlers[name](arguments)}
        except WalletError as error:
            return failure(error)
        return failure(CallRefused(name[:32], "not-here"))


async def _answers(path: Path) -> bool:
    try:
        _, writer = await connect_unix(path, limit=FRAME_BYTES_MAX)
    except OSError:
        return False
    writer.close()
    return True
