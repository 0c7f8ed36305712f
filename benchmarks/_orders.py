"""HTTP: one signed order a request, against an empty route plus one signature check in the same app.

`tandem-server serve` on PostgreSQL; 64 connections kept alive, the generator in a process of its own. Both routes are
sent the same requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks._figures import Figure, interleave_async
from benchmarks._people import start
from benchmarks._postgres import database
from tests.api.people import Person

CONNECTIONS = 64
PEOPLE = 32
NO_CHAIN = "http://127.0.0.1:9"


async def http(server: Any, asked: argparse.Namespace) -> list[Figure]:
    figure = Figure("PUT /v1/orders", "requests/s", "an empty route and a signature check", "at least", 0.5, 0.8)
    count = asked.orders // 4
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        program, url, ledger_id = start(Path(folder), NO_CHAIN, database(server, "http"))
        try:
            people = await _people(url, ledger_id)
            await interleave_async(
                figure,
                asked.rounds,
                lambda: _round(program, url, "/v1/orders/", people, count),
                lambda: _round(program, url, "/checked/", people, count),
            )
        finally:
            program.terminate()
            program.wait()
    return [figure]


async def _people(url: str, ledger_id: bytes) -> list[Person]:
    people = [Person(url, ledger_id, f"person{number}") for number in range(PEOPLE)]
    for person in people:
        await person.register()
        await person.sign_in()
        await person.top_up(100_000_00)
    return people


async def _round(program: subprocess.Popen[bytes], url: str, path: str, people: list[Person], count: int) -> float:
    assert program.poll() is None, "the server ended"
    parts = urlsplit(url)
    requests = [_request(path, parts.netloc, people, number) for number in range(count)]
    assert parts.hostname and parts.port
    return await asyncio.to_thread(_rate, parts.hostname, parts.port, requests)


def _request(path: str, host: str, people: list[Person], number: int) -> bytes:
    payer, payee = people[number % PEOPLE], people[(number * 7 + 1) % PEOPLE]
    if payer is payee:
        payee = people[(number + 1) % PEOPLE]
    order = payer.transfer(payee.holder, 1)
    body = json.dumps(order).encode()
    head = f"PUT {path}{order['order']['nonce']} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _rate(host: str, port: int, requests: list[bytes]) -> float:
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.SimpleQueue[float] = context.SimpleQueue()
    process = context.Process(target=_load, args=(host, port, requests, answer))
    process.start()
    process.join()
    return answer.get()


def _load(host: str, port: int, requests: list[bytes], answer: multiprocessing.SimpleQueue[float]) -> None:
    answer.put(asyncio.run(_drive(host, port, requests)))


async def _drive(host: str, port: int, requests: list[bytes]) -> float:
    rest = iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_connection(host, port, rest) for _ in range(CONNECTIONS)))
    return len(requests) / (time.perf_counter() - started)


async def _connection(host: str, port: int, rest: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for request in rest:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(int(length.split(b":")[1]))
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise SystemExit((head + body).decode())
    writer.close()
