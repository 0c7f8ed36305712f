"""Which number is given out next: the lowest that is free, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from api.database import open_database
from api.errors import TooManyRequests
from api.migrations import upgrade
from api.nonces import AHEAD_MAX, PREPARED_NS, SENT_NS, NonceBook
from chain.address import Address

ALICE, BOB = Address("0x" + 20 * "a1"), Address("0x" + 20 * "b0")


@pytest.fixture(params=["sqlite", "postgresql"])
async def book(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'db.sqlite3'}"
    else:
        server = request.getfixturevalue("postgres")
        server.psql("DROP DATABASE IF EXISTS nonces")
        server.psql("CREATE DATABASE nonces")
        url = server.get_uri("nonces")
    engine = open_database(url, None)
    await upgrade(engine)
    yield NonceBook(engine, 31337)
    await engine.dispose()


async def test_fifty_at_once_are_in_a_row(book):
    taken = await asyncio.gather(*(book.take(ALICE, 7, 0) for _ in range(50)))
    assert sorted(taken) == list(range(7, 57))
    assert await book.take(BOB, 7, 0) == 7, "another account's are its own"
    assert await NonceBook(book._engine, 1).take(ALICE, 7, 0) == 7, "and another chain's"


async def test_what_was_never_sent_is_free_again_and_fills_the_gap(book):
    assert [await book.take(ALICE, 0, 0) for _ in range(3)] == [0, 1, 2]
    await book.keep(ALICE, 0, 0)
    await book.keep(ALICE, 2, 0)
    assert await book.take(ALICE, 1, PREPARED_NS - 1) == 3
    assert await book.take(ALICE, 1, PREPARED_NS) == 1, "the node waits for it"
    assert await book.take(ALICE, 1, PREPARED_NS) == 4
    assert await book.take(ALICE, 2, SENT_NS) == 2, "the node lost what was sent"


async def test_what_a_block_has_is_forgotten(book):
    for _ in range(3):
        await book.take(ALICE, 0, 0)
    assert await book.take(ALICE, 3, 0) == 3
    assert await book.take(ALICE, 0, 0) == 0, "a chain that was set back counts anew"


async def test_it_is_bounded(book):
    for number in range(AHEAD_MAX):
        await book.keep(ALICE, number, 0)
    with pytest.raises(TooManyRequests):
        await book.take(ALICE, 0, 0)
