"""A process that pays on one SQLite journal, to be watched or hindered by strace, and then ends.

`synchronous` is the PRAGMA of its connections; `checkpoint` the pages after which the WAL goes into the database, so
that a short trace has several checkpoints. `swallow` seeds the bug of a driver that hides a failed commit.
"""

from __future__ import annotations

import asyncio
import functools

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


async def main():
    config = crew.configuration()
    engine = open_engine(config["url"])
    pragmas = {"synchronous": config["synchronous"], "wal_autocheckpoint": config["checkpoint"]}
    event.listen(engine.sync_engine, "connect", functools.partial(set_pragmas, pragmas=pragmas))
    journal = await Journal.open(engine, OPERATOR_KEY)
    load = Load(journal, people(PEOPLE), Log(config["log"]))
    await load.pay_all(range(1, config["payments"] + 1), config["workers"])
    await journal.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
