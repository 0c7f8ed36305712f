"""`tandem-server erase`: what people were shown goes for ever, and every proof holds as before."""

from __future__ import annotations

import asyncio
import io
import json

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from api.cli import commands
from api.errors import NotFound
from fiat import history
from fiat.audit import audit
from fiat.history_check import verify
from fiat.history_export import export
from fiat.journal_engine import open_engine, writing
from fiat.record import decode
from tests.api.conftest import Running

NOWHERE = "http://127.0.0.1:9"
IBAN = "iban:DE89370400440532013000"
NEVER_MS = str(86_400_000)


@pytest.fixture
def server(tmp_path):
    running = Running(tmp_path / "state", NOWHERE).start()
    yield running
    assert running.stop() == 0, running.log


@pytest.fixture
async def engine(server):
    engine = open_engine(f"sqlite:///{server.folder / 'tandem.sqlite3'}")
    yield engine
    await engine.dispose()


async def run(server, *arguments):
    """The command as the operator runs it beside the server. Raises what it refuses with."""
    ended = await asyncio.to_thread(
        CliRunner().invoke, commands, ["erase", *arguments, "--json"], env=server.environment, standalone_mode=False
    )
    if ended.exception is not None:
        raise ended.exception
    return json.loads(ended.stdout)


async def texts_of(engine, *bodies):
    """The texts that stand beside these orders."""
    hashes = [bytes.fromhex(b["order"][n][2:]) for b in bodies for n in ("shown", "destination") if n in b["order"]]
    async with engine.connect() as conn:
        return sorted(each.text for each in (await history.texts_by_hash(conn, hashes)).values())


async def test_texts_go_and_proofs_stay(server, engine):
    alice, bob = [await (await server.person(name).register()).sign_in() for name in ("alice", "bob")]
    await alice.top_up(90_000)
    await bob.top_up(5_000)
    paid = [alice.transfer(bob.holder, 100, f"@bob\n{memo}") for memo in ("lunch", "rent")]
    back = bob.transfer(alice.holder, 7, "@alice\nchange")
    answers = [await who.order(body) for who, body in ((alice, paid[0]), (alice, paid[1]), (bob, back))]
    sequences = [decode(bytes.fromhex(answer.json["receipt"]["record"][2:])).sequence for answer in answers]
    server.stop()
    server.environment["TANDEM_SANDBOX_DELAY_MS"] = NEVER_MS
    server.start()
    alice.url, alice.token = server.url, ""
    await alice.sign_in()
    away = alice.withdrawal(IBAN, 500)
    assert (await alice.order(away)).status in (200, 201, 202)

    with pytest.raises(click.UsageError):
        await run(server, "@alice")
    assert len(await texts_of(engine, *paid, back, away)) == 5, "nobody said yes"
    for wrong in (("@nobody",), ("@alice", "--record", "999999"), ("@alice", "--record", str(sequences[2]))):
        with pytest.raises(NotFound):
            await run(server, *wrong, "--yes")
    one = await run(server, "@alice", "--record", str(sequences[0]), "--yes")
    assert (one["erased"], one["kept"], one["handle"]) == (1, 0, "alice")
    assert await texts_of(engine, *paid) == ["@bob\nrent"]
    rest = await run(server, "0x" + alice.holder.hex(), "--yes")
    assert (rest["erased"], rest["kept"]) == (2, 1), "the withdrawal is not paid yet"
    assert await texts_of(engine, *paid, back, away) == ["@alice\nchange", IBAN]
    assert (await run(server, "@alice"))["erased"] == 0, "nothing is left to ask about"

    entries = (await alice.get("/v1/activity")).json["items"]
    assert not any("lunch" in json.dumps(entry) or "rent" in json.dumps(entry) for entry in entries)
    assert (await verify(engine)).problems == []
    async with engine.connect() as conn:
        exported = b"".join([piece async for piece in export(conn)])
    assert audit(io.BytesIO(exported)).failures == []
    again = await alice.order(paid[0])
    assert again.json["receipt"] == answers[0].json["receipt"], "the same order is answered as before"
    assert len(await texts_of(engine, *paid)) == 0, "and brings no text back"


async def test_a_destination_stays_that_the_gateway_has_not_looked_at_yet(server, engine):
    alice = await (await server.person("alice").register()).sign_in()
    await alice.top_up(90_000)
    away = alice.withdrawal(IBAN, 500)
    assert (await alice.order(away)).status == 201
    server.stop()
    async with writing(engine).begin() as conn:  # as between the journal's commit and the gateway's next look
        await conn.execute(text("DELETE FROM withdrawals"))
        await conn.execute(text("UPDATE cursors SET sequence = 0"))
    told = await run(server, "@alice", "--yes")
    assert (told["erased"], told["kept"]) == (1, 1)
    assert await texts_of(engine, away) == [IBAN]
    server.start()
