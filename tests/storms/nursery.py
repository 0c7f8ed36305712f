"""Raises servers and kills them: each round a forked process opens the journal, asks again for what the one before it
left unknown, pays on under load and is ended by SIGKILL at a named point of a commit. Forking saves the imports.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import random
import signal

from sqlalchemy import event

from fiat.journal import Journal
from fiat.journal_engine import open_engine
from tests.storms import crew
from tests.storms.load import PEOPLE, Load, Log, Noted
from tests.storms.town import OPERATOR_KEY, people

WORKERS = 12
PASSES_MAX = 6
SECONDS_MAX = 120
_WRITES = ("INSERT", "UPDATE")


class CrashPoint:
    """Ends this process at the n-th passing of the point."""

    def __init__(self, engine, point, passes, dice):
        self.passes, self.dice, self.statement = passes, dice, 0
        POINTS[point](self, engine)

    def passed(self, *_):
        self.passes -= 1
        if self.passes == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_the_write(self, engine):
        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def before(_conn, _cursor, sql, *_):
            if sql.startswith("UPDATE journal_head"):
                self.passed()

    def between_statements(self, engine):
        """After any one of the statements that write, not always the same of them."""

        @event.listens_for(engine.sync_engine, "after_cursor_execute")
        def after(_conn, _cursor, sql, *_):
            if sql.startswith(_WRITES) and self.dice.random() < 0.3:
                self.passed()

    def before_commit(self, engine):
        event.listen(engine.sync_engine, "commit", self.passed)

    def after_commit(self, engine):
        dialect = engine.sync_engine.dialect
        dialect.do_commit = functools.partial(self._commit, dialect.do_commit)

    def _commit(self, do_commit, connection):
        do_commit(connection)
        self.passed()

    def at_any_time(self, _engine):
        """The timer's own signal ends the process as SIGKILL does: nothing is run."""
        signal.setitimer(signal.ITIMER_REAL, 0.05 + self.dice.random() * 0.2)


POINTS = {
    "before the write": CrashPoint.before_the_write,
    "between statements": CrashPoint.between_statements,
    "before commit": CrashPoint.before_commit,
    "after commit before the answer": CrashPoint.after_commit,
    "at any time": CrashPoint.at_any_time,
}


async def serve(config, point, dice):
    """One server's life."""
    noted = Noted(config["log"])
    engine = open_engine(config["url"])
    journal = await Journal.open(engine, OPERATOR_KEY)
    load = Load(journal, people(PEOPLE), Log(config["log"]), config["bug"])
    await asyncio.gather(*(load.pay(number, now, asked_before=1) for number, now in noted.unknown.items()))
    CrashPoint(engine, point, dice.randint(1, PASSES_MAX), dice)
    numbers = itertools.count(max(noted.asked, default=0) + 1)
    await asyncio.wait_for(load.pay_all(numbers, WORKERS), SECONDS_MAX)


def main():
    config = crew.wait_for_signal()
    dice = random.Random(config["seed"])
    ends = []
    for number in range(config["rounds"]):
        point, own = list(POINTS)[number % len(POINTS)], random.Random(dice.random())
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(serve(config, point, own))
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        ends.append({"point": point, "signal": os.WTERMSIG(status)})
    crew.say(ends)


if __name__ == "__main__":
    main()
