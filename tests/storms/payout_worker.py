"""A process that sends what was accepted until it is killed: `payout_worker.py DATABASE NODE TREASURY [BUG]`.

The bug, for the verdicts to be seen to find: `fresh` pays again, as another payment, what the chain does not know yet.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from api.payouts import Payouts
from chain.erc20 import transfer
from chain.errors import ChainError
from chain.node import Node
from chain.treasury_pipe import TreasuryPipe
from fiat.journal import Journal
from fiat.journal_engine import open_engine
from tests.fiat.conftest import OPERATOR_KEY
from tests.storms.payout_town import CHAIN_ID, payouts_on


class Fresh(Payouts):
    """Seeded: unknown is taken for not sent."""

    async def _send(self, raw):
        await super()._send(raw)
        for payout in await self._rows.due(2**62):
            sender = await self._treasury.address()
            again = replace(transfer(self._amount(payout), payout.receiver, sender), nonce=None)
            signed = await self._treasury.sign(os.urandom(32), await self._node.prepare(again))
            await self._node.send_raw(signed.raw)


KINDS = {"": Payouts, "fresh": Fresh}


async def main(database_url, node_url, folder, bug=""):
    engine, treasury = open_engine(database_url), TreasuryPipe(Path(folder))
    journal = await Journal.open(engine, OPERATOR_KEY)
    async with Node(node_url, CHAIN_ID) as node:
        sending = payouts_on(engine, journal, node, treasury, kind=KINDS[bug])
        print("ready", flush=True)
        while True:
            try:
                await sending.step()
            except ChainError:
                raise
            except Exception as error:  # as a worker of the server does: told, and tried again
                print(f"failed {type(error).__name__}", flush=True)
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
