"""GET /events: both sides' changes, to their own holder alone, from the place where one left."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp

from api import event_stream
from api.app import open_server
from api.event_source import Listener
from api.event_stream import Stream
from api.settings import Settings
from chain.address import Address
from chain.devnet import fund
from chain.devnet_contracts import CHAIN_ID
from chain.node import Node
from tests.api.conftest import Running
from tests.api.people import PAID_IBAN

SECONDS = 60


class Reader:
    """An open stream, event by event."""

    def __init__(self, response):
        self._response, self.last_id = response, None

    async def next(self):
        """Name and data of the next event; None at the end of the stream."""
        fields = {}
        while True:
            line = (await asyncio.wait_for(self._response.content.readline(), SECONDS)).decode()
            if not line:
                return None
            if line == "\n" and "data" in fields:
                self.last_id = fields.get("id", self.last_id)
                return fields["event"], json.loads(fields["data"])
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value

    async def until(self, wanted):
        """Everything up to the first event of that name."""
        found = [await self.next()]
        while found[-1] is not None and found[-1][0] != wanted:
            found.append(await self.next())
        return found


@asynccontextmanager
async def stream(person, last_id=None):
    headers = {"Authorization": f"Bearer {person.token}"} | ({"Last-Event-ID": last_id} if last_id else {})
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(person.url + "/v1/events", headers=headers) as response,
    ):
        assert (response.status, response.content_type) == (200, "text/event-stream")
        reader = Reader(response)
        if last_id is None:
            assert (await reader.next())[0] == "ready"
        yield reader


def told(events):
    return [
        (name, data["kind"], data["direction"], data["amount"]) for name, data in events if name in ("ledger", "chain")
    ]


async def test_both_sides_changes_are_told_to_their_own_holder_alone(person, chain_url):
    alice, bob = await person(funded=5000), await person()
    async with stream(alice) as hers, stream(bob) as his, Node(chain_url, CHAIN_ID) as node:
        await alice.top_up(700)
        assert told(await hers.until("account")) == [("ledger", "topup", "in", "7.00")]
        await alice.order(alice.transfer(bob.holder, 1200))
        assert told(await hers.until("account")) == [("ledger", "transfer", "out", "12.00")]
        assert told(await his.until("account")) == [("ledger", "transfer", "in", "12.00")], "and nothing of the top-up"
        await fund(node, Address.from_bytes(bob.account.address), 10**18, 0)
        assert told(await his.until("chain")) == [("chain", "chain_transfer", "in", "1")]
        quote = await alice.post("/v1/quotes", {"from": "EUR", "to": "USD", "amount_minor": "1000"})
        name, data = await hers.next()
        assert (name, data["id"]) == ("quote", quote.json["id"])


async def test_what_changes_without_a_new_entry_is_told_too(person):
    alice = await person(funded=5000)
    async with stream(alice) as hers:
        await alice.order(alice.withdrawal(PAID_IBAN, 2000))
        states = []
        while states[-1:] != ["paid"]:
            name, data = await hers.next()
            states += [data["state"]] if name == "ledger" else []
        assert states in (["accepted", "paid"], ["paid"])
        await alice.order(alice.control("freeze"))
        (name, data) = (await hers.until("account"))[-1]
        assert (name, set(data)) == ("account", {"count"})


async def test_one_goes_on_where_one_left(person):
    """Nothing twice, nothing missing, whatever happened in between."""
    alice, bob = await person(funded=5000), await person()
    async with stream(alice) as hers:
        await alice.order(alice.transfer(bob.holder, 100))
        await hers.until("account")
        place = hers.last_id
    for amount in (200, 300):
        await alice.order(alice.transfer(bob.holder, amount))
    async with stream(alice, place) as hers:
        first = await hers.until("ledger")
        rest = await hers.until("ledger")
        assert told(first + rest) == [("ledger", "transfer", "out", "2.00"), ("ledger", "transfer", "out", "3.00")]
        await alice.order(alice.transfer(bob.holder, 400))
        assert told(await hers.until("account")) == [("ledger", "transfer", "out", "4.00")]
    async with stream(alice) as hers:
        await alice.order(alice.transfer(bob.holder, 500))
        assert told(await hers.until("account")) == [("ledger", "transfer", "out", "5.00")], "who is new hears no past"


async def test_a_stream_ends_with_its_session(person):
    alice = await person(funded=100)
    async with stream(alice) as hers:
        assert (await alice.ask("DELETE", "/v1/sessions/current")).status == 204
        await alice.sign_in()
        await alice.top_up(100)
        assert await hers.next() == ("end", {"reason": "session"})
        assert await hers.next() is None


async def test_streams_are_bounded_and_ids_are_checked(person):
    alice = await person()
    assert (await alice.ask("GET", "/v1/events", **{"Last-Event-ID": "7"})).slug == "invalid_input"
    opened = [stream(alice) for _ in range(event_stream.STREAMS_OF_HOLDER_MAX)]
    for one in opened:
        await one.__aenter__()
    refused = await alice.get("/v1/events")
    assert (refused.status, refused.slug) == (429, "too_many_requests")
    for one in opened:
        await one.__aexit__(None, None, None)
    for _ in range(1000):  # the server notices that they are gone
        try:
            async with stream(alice):
                break
        except AssertionError:
            await asyncio.sleep(0.1)
    else:
        raise AssertionError("a stream that ended still counts")


async def test_a_server_that_ends_says_so(tmp_path, chain_url):
    server = Running(tmp_path / "state", chain_url)
    await asyncio.to_thread(server.start)
    alice = await (await server.person().register()).sign_in()
    async with stream(alice) as hers:
        stopped = asyncio.create_task(asyncio.to_thread(server.stop))
        assert await hers.next() == ("end", {"reason": "closing"})
    assert await stopped == 0, server.log
    assert "Traceback" not in server.log, server.log


async def test_who_does_not_read_is_dropped(tmp_path, monkeypatch):
    """The write that waits for the reader is given up, and the place among the streams is free again."""
    monkeypatch.setattr(event_stream, "WRITE_SECONDS_MAX", 0.05)

    async def never(message):
        """A connection whose buffers are full."""
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def silent():
        await asyncio.Event().wait()

    async def yes():
        return True

    holder = bytes(32)
    async with open_server(Settings(tmp_path, f"sqlite:///{tmp_path / 'db'}"), workers=False) as server:
        for _ in range(3 * event_stream.STREAMS_OF_HOLDER_MAX):
            server.look_out.enter(holder)
            listener = Listener(server.look_out.source, holder, None)
            stream_to = Stream(server.look_out, listener, holder, yes)
            await asyncio.wait_for(stream_to({"type": "http"}, silent, never), SECONDS)
