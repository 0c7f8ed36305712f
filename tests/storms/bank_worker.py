"""A process of the bank test: several journals, several workers each; a fifth of what they do is reading everything.

A probe changes a balance in a transaction that it takes back, and has everything read in between.
`bug` seeds one of: `torn` (a reading in two transactions), `stale` (readings from a snapshot that stays open),
`dirty` (the probe reads through the connection that has not committed).
"""

from __future__ import annotations

import asyncio
import random
import time

from sqlalchemy import select, update

from fiat.holder import MAIN
from fiat.journal import Journal
from fiat.journal_engine import open_engine, writing
from fiat.journal_store import read_head
from fiat.tables import accounts
from tests.storms import crew
from tests.storms.town import OPERATOR_KEY, answered, first_leg, people, submit

READ_SHARE = 0.2
HOPELESS_SHARE = 0.02
AMOUNT_MAX = 5
HOPELESS_AMOUNT = 10**9
PROBE_PAUSE = 0.1
MOVES_WAITED, TORN_RECORDS = 50, 3


class Teller:
    """One journal with its engine, and the readings made through that engine."""

    def __init__(self, journal, engine, town, bug):
        self.journal, self.engine, self.town, self.bug = journal, engine, town, bug
        self.numbers = {person.account: person.number for person in town}
        self.snapshot = None

    async def pay(self, dice):
        payer, payee = dice.sample(self.town, 2)
        amount = HOPELESS_AMOUNT if dice.random() < HOPELESS_SHARE else dice.randint(1, AMOUNT_MAX)
        signed = payer.pay(self.journal.ledger_id, payee, amount)
        invoked = time.monotonic_ns()
        result = await answered(lambda: submit(self.journal, signed))
        return {
            "kind": "payment",
            "invoked": invoked,
            "answered": time.monotonic_ns(),
            "payer": payer.number,
            "payee": payee.number,
            "amount": amount,
            "id": first_leg(payer, signed.order.nonce),
            "status": result.status.name,
            "sequence": result.sequence,
        }

    async def read(self, conn=None):
        """Everything in one snapshot (or, with a bug, not)."""
        invoked = time.monotonic_ns()
        if conn is not None:
            head, found = await self._everything(conn)
        elif self.bug == "stale":
            self.snapshot = self.snapshot or await self.engine.connect()
            head, found = await self._everything(self.snapshot)
        elif self.bug == "torn":
            async with self.engine.connect() as first:
                head, found = await self._everything(first)
            await self._moved_on(head)
            async with self.engine.connect() as second:
                _, later = await self._everything(second)
            found |= {number: later.get(number) for number in sorted(found)[::2]}
        else:
            async with self.engine.connect() as conn:
                head, found = await self._everything(conn)
        return {
            "kind": "reading",
            "invoked": invoked,
            "answered": time.monotonic_ns(),
            "sequence": head.sequence,
            "timestamp": head.timestamp,
            "balances": list(found.items()),
        }

    async def _everything(self, conn):
        booked = (accounts.c.credits_posted - accounts.c.debits_posted).label("booked")
        head = await read_head(conn)
        rows = await conn.execute(select(accounts.c.id, booked).where(accounts.c.purpose == MAIN))
        return head, {self.numbers.get(row.id, str(row.id)): row.booked for row in rows}

    async def _moved_on(self, head):
        """Wait until somebody wrote after that head, so that what is read next is surely another state."""
        for _ in range(MOVES_WAITED):
            async with self.engine.connect() as conn:
                if (await read_head(conn)).sequence >= head.sequence + TORN_RECORDS:
                    return
            await asyncio.sleep(0.01)  # the others may be at their end: then this reading tears nothing

    async def probe(self):
        """Write what nobody may ever see; read; take it back."""
        async with writing(self.engine).connect() as conn:
            transaction = await conn.begin()
            await read_head(conn, lock=True)
            target = update(accounts).where(accounts.c.id == self.town[0].account)
            more = {"credits_posted": accounts.c.credits_posted + 10**6, "version": accounts.c.version + 1}
            await conn.execute(target.values(**more))
            seen = await self.read(conn if self.bug == "dirty" else None)
            await transaction.rollback()
        return seen


async def work(teller, dice, operations, seen):
    for _ in range(operations):
        seen.append(await (teller.read() if dice.random() < READ_SHARE else teller.pay(dice)))


async def keep_probing(teller, seen):
    while True:
        seen.append(await teller.probe())
        await asyncio.sleep(PROBE_PAUSE)


async def main():
    config = crew.configuration()
    town = people(config["people"])
    tellers = []
    for _ in range(config["journals"]):
        engine = open_engine(config["url"])
        tellers.append(Teller(await Journal.open(engine, OPERATOR_KEY), engine, town, config["bug"]))
    await asyncio.to_thread(crew.wait_for_signal)
    seen = [await tellers[0].probe()]  # one at least, however fast the rest is
    probing = asyncio.create_task(keep_probing(tellers[0], seen))
    dice = random.Random(config["seed"])
    await asyncio.gather(
        *(
            work(tellers[n % len(tellers)], random.Random(dice.random()), config["operations"], seen)
            for n in range(config["workers"])
        )
    )
    probing.cancel()
    await asyncio.gather(probing, return_exceptions=True)
    for teller in tellers:
        await teller.journal.close()
        if teller.snapshot is not None:
            await teller.snapshot.close()
        await teller.engine.dispose()
    crew.say(seen)


if __name__ == "__main__":
    asyncio.run(main())
