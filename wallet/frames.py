"""Frames: what the signer, its parent and the running client say to each other.

A frame is four bytes of length (big-endian) and that many bytes of JSON, one object, at most 1 MiB. A request is
`{"call": name, "with": {...}}`; an answer is `{"ok": {...}}` or `{"error": code, "fields": {...}}`. Codes and fields
cross, never objects of the language, and never a traceback.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

from chain.errors import JsonMalformed
from chain.strict_json import parse
from wallet.errors import SignerLost, WalletError, error_from

FRAME_BYTES_MAX = 1 << 20
_PREFIX = 4

Frame = dict[str, Any]


def pack(frame: Frame) -> bytes:
    """The frame's bytes. Raises SignerLost for one that is too long."""
    body = json.dumps(frame, separators=(",", ":")).encode()
    if len(body) > FRAME_BYTES_MAX:
        raise SignerLost("frame-too-long")
    return len(body).to_bytes(_PREFIX, "big") + body


def unpack(body: bytes) -> Frame:
    """Raises SignerLost for anything but one JSON object."""
    try:
        frame = parse(body, FRAME_BYTES_MAX)
    except JsonMalformed:
        raise SignerLost("frame-malformed") from None
    if not isinstance(frame, dict):
        raise SignerLost("frame-malformed")
    return frame


def failure(error: WalletError) -> Frame:
    """The answer that carries an error."""
    return {"error": error.code, "fields": error.fields()}


def result(answer: Frame) -> Frame:
    """What an answer holds. Raises the error that it carries, or SignerLost."""
    match answer:
        case {"ok": dict() as ok}:
            return ok
        case {"error": str() as code, "fields": dict() as facts}:
            raise error_from(code, facts) or SignerLost("unknown-error")
    raise SignerLost("frame-malformed")


def receive(descriptor: int) -> Frame | None:
    """One frame from a file descriptor, blocking; None when the other end is gone."""
    prefix = _exactly(descriptor, _PREFIX)
    body = _exactly(descriptor, _bounded(prefix)) if prefix else None
    return None if body is None else unpack(body)


def send(descriptor: int, frame: Frame) -> None:
    """Write one frame, blocking. Raises OSError when the other end is gone."""
    rest = memoryview(pack(frame))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


async def receive_from(reader: asyncio.StreamReader) -> Frame | None:
    """One frame from a stream; None when the other end is gone."""
    try:
        prefix = await reader.readexactly(_PREFIX)
        return unpack(await reader.readexactly(_bounded(prefix)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def send_to(writer: asyncio.StreamWriter, frame: Frame) -> None:
    """Write one frame to a stream. Raises ConnectionError when the other end is gone."""
    writer.write(pack(frame))
    await writer.drain()


def _bounded(prefix: bytes) -> int:
    length = int.from_bytes(prefix, "big")
    if length > FRAME_BYTES_MAX:
        raise SignerLost("frame-too-long")
    return length


def _exactly(descriptor: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(descriptor, min(count, 65536))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
