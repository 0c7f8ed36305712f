"""A process that pays on one SQLite journal, to be watched or hindered by strace, and then ends.

`synchronous` is the PRAGMA of its connections; `checkpoint` the pages after which the WAL goes into the database, so
that a short trace has several checkpoints. `attempts` is how often a payment is asked for (null: until there is an
answer), `end` is `close` or `kill`, `file_size_max` a limit of the operating system's (bytes).
After the acknowledgement with number `halt` it stops, until somebody lets it go on (SIGCONT).
`companions` are connections that stand open beside the writer's. `swallow` seeds the bug of a driver that hides a
failed commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import resource
import signal

from sqlalchemy import event

from fiat.journal import Journal
from fiat.journal_engine import open_engine
from tests.storms import crew
from tests.storms.load import PEOPLE, Load, Log
from tests.storms.town import OPERATOR_KEY, people


def set_pragmas(connection, _record, *, pragmas):
    cursor = connection.cursor()
    for pragma, value in pragmas.items():
        cursor.execute(f"PRAGMA {pragma}={value}")
    cursor.close()


def commit_anyhow(do_commit, connection):
    with contextlib.suppress(Exception):
        do_commit(connection)


class Halting(Log):
    """Stops the process once it noted that many acknowledgements."""

    def __init__(self, path, left):
        super().__init__(path)
        self.left = left

    def acknowledged(self, number):
        super().acknowledged(number)
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)


async def main():
    config = crew.configuration()
    if config.get("file_size_max"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (config["file_size_max"], resource.RLIM_INFINITY))
    engine = open_engine(config["url"])
    pragmas = {"synchronous": config["synchronous"], "wal_autocheckpoint": config["checkpoint"]}
    event.listen(engine.sync_engine, "connect", functools.partial(set_pragmas, pragmas=pragmas))
    journal = await Journal.open(engine, OPERATOR_KEY)
    companions = [await engine.connect() for _ in range(config.get("companions", 0))]
    for companion in companions:
        await companion.get_raw_connection()
    if config.get("swallow"):
        dialect = engine.sync_engine.dialect
        dialect.do_commit = functools.partial(commit_anyhow, dialect.do_commit)
    load = Load(
        journal, people(PEOPLE), Halting(config["log"], config.get("halt", 0)), attempts_max=config.get("attempts")
    )
    await load.pay_all(range(1, config["payments"] + 1), config["workers"])
    if config.get("end") == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    await journal.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
