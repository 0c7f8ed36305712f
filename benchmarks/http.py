"""What the server itself costs over HTTP: `GET /v1/portfolio` with 20 positions against an empty route of the same app.

32 connections kept alive, one load generator in a process of its own; rounds of both routes take turns. The figure
is the ratio of requests a second, which is what caching by block and journal sequence is for.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

# Run as a script, this folder would come first on the path and hide the standard library's `http`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks._figures import Figure, arguments, interleave, report  # noqa: E402  # after the path is set
from benchmarks._people import portfolio_of_twenty  # noqa: E402  # after the path is set

CONNECTIONS = 32


async def drive(host: str, port: int, request: bytes, seconds: float) -> float:
    """Requests a second over all connections; every answer must be a 200."""
    until = time.perf_counter() + seconds
    counts = await asyncio.gather(*(connection(host, port, request, until) for _ in range(CONNECTIONS)))
    return sum(counts) / seconds


async def connection(host: str, port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    count = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode() + (await reader.read(500)).decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        count += 1
    writer.close()
    return count


def load(
    host: str, port: int, path: str, token: str, seconds: float, answer: multiprocessing.SimpleQueue[float]
) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    answer.put(asyncio.run(drive(host, port, request, seconds)))


def rate(host: str, port: int, path: str, token: str, seconds: float) -> float:
    """One round from a fresh process, so that the generator never shares the server's interpreter."""
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.SimpleQueue[float] = context.SimpleQueue()
    process = context.Process(target=load, args=(host, port, path, token, seconds, answer))
    process.start()
    process.join()
    return answer.get()


async def measure(rounds: int, seconds: float) -> list[Figure]:
    figure = Figure("GET /v1/portfolio", "requests/s", "an empty route", "at least", 0.3, 0.6)
    with tempfile.TemporaryDirectory() as folder:
        async with portfolio_of_twenty(Path(folder)) as (host, port, token):
            await asyncio.to_thread(
                interleave,
                figure,
                rounds,
                lambda: rate(host, port, "/v1/portfolio?in=EUR", token, seconds),
                lambda: rate(host, port, "/empty", token, seconds),
            )
    return [figure]


if __name__ == "__main__":
    asked = arguments(__doc__ or "")
    rounds, seconds = (5, 1.0) if asked.quick else (9, 3.0)
    sys.exit(report(asyncio.run(measure(rounds, seconds)), as_json=asked.json))
