"""A server process beside others on one journal: pays its own numbers, and those that all of them pay.

`bug` seeds one of: `hasty` (takes "nothing was written" for done; its journal decides only once, so that it hears that
often), `leader` (works only while it holds a lock that one process holds to its end).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from fiat import journal_committer
from fiat.journal import Journal
from fiat.journal_engine import open_engine
from tests.storms import crew
from tests.storms.load import PEOPLE, Load, Log
from tests.storms.town import OPERATOR_KEY, people


async def meet(config):
    """Wait until the other stands here too: a process that came late on a busy machine would have lost already."""
    Path(config["log"] + ".here").touch()
    while not all(Path(log + ".here").exists() for log in config["logs"]):  # noqa: ASYNC110  # files have no event
        await asyncio.sleep(0.001)


async def main():
    config = crew.configuration()
    if config["bug"] == "hasty":
        journal_committer.ATTEMPTS_MAX = 1
    engine = open_engine(config["url"])
    journal = await Journal.open(engine, OPERATOR_KEY)
    load = Load(journal, people(PEOPLE), Log(config["log"]), config["bug"])
    await asyncio.to_thread(crew.wait_for_signal)
    await meet(config)
    if config["bug"] == "leader":
        # Let go of when the process ends.
        lock = os.open(config["lock"], os.O_CREAT | os.O_RDWR)
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
    own = load.pay_all(range(config["first"], config["first"] + config["payments"]), config["workers"])
    shared = (load.pay(number, config["now"]) for number in range(1, config["shared"] + 1))
    await asyncio.gather(own, *shared)
    await journal.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
