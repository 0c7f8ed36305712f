"""What the door for dApps costs: the time that it adds to a read of the node, and the memory of 1,000 idle sockets.

`tandem up` with Anvil behind it, each a process of its own. One page asks the same question of the door and of the node
in turn, on connections that stay open; a round is the median of the differences. Then 1,000 pages open a WebSocket
each and say nothing: what is counted is the resident memory of the client's process. Both are held against the limit.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

# Run as a script, this folder would come first on the path and hide the standard library's `http`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import aiohttp  # noqa: E402  # after the path is set

from benchmarks._figures import Figure, arguments, report  # noqa: E402  # after the path is set
from tests.flows.door_client import PAGE, Person, Up, anvil_and_up  # noqa: E402  # after the path is set

ADDED_MS_MAX = 2.0
SOCKETS = 1000
MEGABYTES_MAX = 150.0
_QUESTION = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": ["0x" + "11" * 20, "latest"]}


async def milliseconds(session: aiohttp.ClientSession, url: str) -> float:
    """From sending to the whole answer, which must be one."""
    started = time.perf_counter()
    async with session.post(url, json=_QUESTION) as response:
        answer = json.loads(await response.read())
    taken = time.perf_counter() - started
    if answer.get("result") != "0x0":
        raise SystemExit(f"{url}: {answer}")
    return taken * 1000


async def added(running: Up, rounds: int, reads: int) -> list[Figure]:
    """The door's own time, and for comparison how long the node takes."""
    figure = Figure("what the door adds to a read", "ms", "the limit of", "at most", None, 1)
    whole = Figure("a read through the door", "ms", "of the node itself", "at most", None, 3)
    async with aiohttp.ClientSession(headers={"Origin": PAGE}) as page, aiohttp.ClientSession() as direct:
        for count in (reads, *[reads] * rounds):
            door, node = [], []
            for _ in range(count):
                door.append(await milliseconds(page, running.door))
                node.append(await milliseconds(direct, running.chain_url))
            figure.ours.append(statistics.median(a - b for a, b in zip(door, node, strict=True)))
            whole.ours.append(statistics.median(door))
            whole.peer.append(statistics.median(node))
    figure.ours, whole.ours, whole.peer = figure.ours[1:], whole.ours[1:], whole.peer[1:]  # the first warms up
    figure.peer = [ADDED_MS_MAX] * rounds
    return [figure, whole]


def resident_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) * 1024 / 1e6


async def sockets(running: Up) -> Figure:
    """Each of another origin, so that nothing is shared between them; all answered before the memory is read."""
    figure = Figure(f"memory with {SOCKETS:,} idle WebSockets", "MB", "the limit of", "at most", None, 1)
    empty = resident_megabytes(running.process.pid)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
        )
        for number in range(SOCKETS):
            opened = session.ws_connect(running.websocket, headers={"Origin": f"https://page{number}.example"})
            connection = await stack.enter_async_context(opened)
            await connection.send_json({"jsonrpc": "2.0", "id": number, "method": "eth_accounts", "params": []})
            if (await connection.receive_json(timeout=30)).get("result") != []:
                raise SystemExit("a page without a grant was told of accounts")
        await asyncio.sleep(2)
        figure.ours = [resident_megabytes(running.process.pid)]
        figure.peer = [MEGABYTES_MAX]
    print(f"before the first socket: {empty:.1f} MB", file=sys.stderr)
    return figure


async def measure(rounds: int, reads: int) -> list[Figure]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for this program's own thousand
    with tempfile.TemporaryDirectory() as folder:
        async with anvil_and_up(Path(folder)) as running, Person(running) as person:
            async with aiohttp.ClientSession(headers={"Origin": PAGE}) as page:
                wish = {"jsonrpc": "2.0", "id": 1, "method": "eth_requestAccounts", "params": []}
                asked = asyncio.create_task(page.post(running.door, json=wish))
                await person.approve("connect")
                (await asked).release()
            return [*await added(running, rounds, reads), await sockets(running)]


if __name__ == "__main__":
    given = arguments(__doc__ or "")
    sys.exit(report(asyncio.run(measure(*((5, 100) if given.quick else (15, 300)))), as_json=given.json))
