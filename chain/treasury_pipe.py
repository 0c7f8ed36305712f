"""The server's end of the treasury's pipe: starts the process, asks it one thing at a time, starts it anew if it died.

Imports no key code. That a process died tells nothing of what it did: whoever asked asks the same again.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from chain.address import Address
from chain.errors import (
    AddressMalformed,
    JsonMalformed,
    TransactionMalformed,
    TreasuryExists,
    TreasuryLost,
    TreasuryMissing,
    TreasuryRefused,
)
from chain.strict_json import parse
from chain.transaction import SignedTransaction, TransactionRequest

FOLDER = "treasury"
FRAME_BYTES_MAX = 1 << 16
KEYSTORE = "keystore.json"
ANSWER_SECONDS_MAX = 30
_END_SECONDS = 5


@dataclass(slots=True)
class _Channel:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    process: asyncio.subprocess.Process


class TreasuryPipe:
    """The treasury in a folder. Every call raises TreasuryMissing, TreasuryLost; `sign` TreasuryRefused too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._channel: _Channel | None = None
        self._turn = asyncio.Lock()
        self._address: Address | None = None

    @property
    def exists(self) -> bool:
        return (self._folder / KEYSTORE).exists()

    async def address(self) -> Address:
        """The account that pays."""
        if self._address is None:
            try:
                self._address = Address(str((await self._ask({"call": "address"})).get("address")))
            except AddressMalformed:
                raise TreasuryLost("address") from None
        return self._address

    async def sign(self, payment_id: bytes, request: TransactionRequest) -> SignedTransaction:
        """`request` with its numbers filled in. The same payment again under the same number is the same bytes."""
        payload = request.unsigned_payload
        answer = await self._ask({"call": "sign", "id": payment_id.hex(), "payload": payload.hex()})
        try:
            signed = SignedTransaction.decode(bytes.fromhex(str(answer.get("raw"))))
        except (ValueError, TransactionMalformed):
            raise TreasuryLost("raw") from None
        if signed.request.unsigned_payload != payload or signed.request.sender != await self.address():
            raise TreasuryLost("signed something else")
        return signed

    async def close(self) -> None:
        """Hang up: the process ends by that."""
        async with self._turn:
            await self._drop()

    async def _ask(self, frame: dict[str, str]) -> dict[str, object]:
        async with self._turn:
            channel = await self._live()
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    answer = await _exchange(channel, frame)
            except (OSError, asyncio.IncompleteReadError, JsonMalformed, TimeoutError):
                await self._drop()
                raise TreasuryLost("no answer") from None
        match answer:
            case {"ok": dict() as found}:
                return found
            case {"error": str() as reason, "nonce": int() as nonce}:
                raise TreasuryRefused(reason, nonce)
        raise TreasuryLost("answer")

    async def _live(self) -> _Channel:
        if self._channel is not None and self._channel.process.returncode is None:
            return self._channel
        await self._drop()
        if not self.exists:
            raise TreasuryMissing(str(self._folder))
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-m", "chain.treasury", "serve", str(theirs.fileno()), str(self._folder)),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    env={},
                )
            except OSError:
                ours.close()
                raise TreasuryLost("cannot be started") from None
        reader, writer = await asyncio.open_connection(sock=ours)
        self._channel = _Channel(reader, writer, process)
        return self._channel

    async def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is None:
            return
        channel.writer.close()
        try:
            await asyncio.wait_for(channel.process.wait(), _END_SECONDS)
        except TimeoutError:
            channel.process.kill()
            await channel.process.wait()


def keystore_address(folder: Path) -> Address:
    """Whose keystore it is, as the file says it; no key is opened. Raises TreasuryMissing, TreasuryLost."""
    try:
        document = parse((folder / KEYSTORE).read_bytes(), FRAME_BYTES_MAX)
        return Address("0x" + str(document["address"] if isinstance(document, dict) else "").removeprefix("0x"))
    except FileNotFoundError:
        raise TreasuryMissing(str(folder)) from None
    except (OSError, KeyError, JsonMalformed, AddressMalformed):
        raise TreasuryLost("keystore") from None


async def make_treasury(folder: Path, caps: dict[str, object]) -> Address:
    """A new treasury, made by a process of its own; `caps` as caps.json has them.

    Raises TreasuryExists, TreasuryLost.
    """
    if folder.exists():
        raise TreasuryExists(str(folder))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", "chain.treasury", "init", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={},
    )
    out, _ = await process.communicate(json.dumps(caps).encode())
    if process.returncode:
        raise TreasuryLost("init")
    return Address(out.decode().strip())


async def _exchange(channel: _Channel, frame: dict[str, str]) -> object:
    body = json.dumps(frame, separators=(",", ":")).encode()
    channel.writer.write(len(body).to_bytes(4, "big") + body)
    await channel.writer.drain()
    length = int.from_bytes(await channel.reader.readexactly(4), "big")
    if length > FRAME_BYTES_MAX:
        raise JsonMalformed("too large")
    return parse(await channel.reader.readexactly(length), FRAME_BYTES_MAX)
