"""The load under which things break: numbered payments round a ring of people, each noted in a log before it is asked
for and after it was answered. The log is written by one system call a line, so that a killed process leaves all of it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from fiat.errors import JournalUnknown
from fiat.history_check import verify
from fiat.journal import Journal
from fiat.record import TransferRecord, decode
from fiat.tables import records
from tests.storms.town import UNANSWERED, Person, submit
from tests.storms.witness import once

PEOPLE, OPENING = 8, 10**6
PAUSE = 0.01


class Log:
    """What was asked (with the time that the order names) and what was acknowledged."""

    def __init__(self, path: str | Path) -> None:
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def asked(self, number: int, now: int) -> None:
        os.write(self.fd, f"asked {number} {now}\n".encode())

    def acknowledged(self, number: int) -> None:
        os.write(self.fd, f"acknowledged {number}\n".encode())

    def refused(self, number: int) -> None:
        """Every time it was asked the answer was that nothing was written."""
        os.write(self.fd, f"refused {number}\n".encode())


class Noted:
    """A log that was read: `asked` by number with the time, the numbers that were `acknowledged` and `refused`."""

    def __init__(self, *paths: str | Path) -> None:
        self.asked: dict[int, int] = {}
        self.acknowledged: set[int] = set()
        self.refused: set[int] = set()
        for line in itertools.chain.from_iterable(Path(p).read_text().splitlines() for p in paths if Path(p).exists()):
            word, *numbers = line.split()
            if word == "asked":
                self.asked[int(numbers[0])] = int(numbers[1])
            else:
                (self.acknowledged if word == "acknowledged" else self.refused).add(int(numbers[0]))

    @property
    def unknown(self) -> dict[int, int]:
        return {number: now for number, now in self.asked.items() if number not in self.acknowledged}


class Load:
    """Pays on one journal; gives a payment up after `attempts_max` askings (None: never).

    `bug` seeds one of: `early` (acknowledges what is not committed yet), `fresh` (asks with another nonce when the
    outcome is not known), `hasty` (takes "nothing was written" for done).
    """

    def __init__(
        self,
        journal: Journal,
        town: list[Person],
        log: Log,
        bug: str | None = None,
        attempts_max: int | None = None,
    ) -> None:
        self.journal, self.town, self.log, self.bug, self.attempts_max = journal, town, log, bug, attempts_max

    async def pay(self, number: int, now: int | None = None, *, asked_before: int = 0) -> None:
        """Carry payment `number` out; the same order again as long as the outcome is not known."""
        now = now or time.time_ns() // 10**9
        self.log.asked(number, now)
        if self.bug == "early":
            self.log.acknowledged(number)
        failures, unknown = 0, False
        while self.attempts_max is None or failures < self.attempts_max:
            try:
                result = await submit(self.journal, self._order(number, now, asked_before + failures))
            except UNANSWERED as error:
                failures += 1
                unknown = unknown or isinstance(error, JournalUnknown)
                if self.bug == "hasty":
                    break
                await asyncio.sleep(PAUSE)
                continue
            assert result.accepted, result
            break
        if self.attempts_max is None or failures < self.attempts_max:
            self.log.acknowledged(number)
        elif not unknown:
            self.log.refused(number)

    async def pay_all(self, numbers: Iterable[int], workers: int) -> None:
        """The numbers in turn, that many at a time."""
        rest = iter(numbers)

        async def work():
            for number in rest:
                await self.pay(number)

        await asyncio.gather(*(work() for _ in range(workers)))

    def _order(self, number, now, times):
        attempt = times if self.bug == "fresh" else 0
        payer, payee = self.town[number % len(self.town)], self.town[(number + 1) % len(self.town)]
        nonce, reference = (attempt << 64 | number).to_bytes(32, "big"), number.to_bytes(32, "big")
        return payer.pay(self.journal.ledger_id, payee, 1, nonce, now=now, reference=reference)


async def carried_out(engine: AsyncEngine) -> Counter[int]:
    """How often each payment stands in the journal, by number."""
    found: Counter[int] = Counter()
    async with engine.connect() as conn:
        for body in (await conn.execute(select(records.c.body))).scalars():
            record = decode(body)
            if isinstance(record, TransferRecord) and record.order is not None:
                found[int.from_bytes(record.order.order.reference, "big")] += 1
    return found


async def verdicts(engine: AsyncEngine, *logs: str | Path) -> list[str]:
    """What is wrong with the journal after what these logs tell."""
    noted = Noted(*logs)
    wrong = once(noted.asked, noted.acknowledged, await carried_out(engine), noted.refused)
    return wrong + [f"{problem.sequence}: {problem.reason}" for problem in (await verify(engine)).problems]
