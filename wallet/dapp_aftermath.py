"""What became of a transaction, held against what the node had foreseen when the person agreed.

A simulation is a claim about a moment. When the block says something else, the person is told, and it is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chain.block import Receipt
from chain.errors import ChainError
from chain.node import Node
from chain.outcome import Outcome, drift
from chain.transaction import TransactionRequest
from wallet.asking import Client
from wallet.dapp_host import Host
from wallet.errors import WalletError
from wallet.review import Fact
from wallet.review_effects import Scene
from wallet.review_outcome import drift_facts, unsent_fact
from wallet.second_node import host_of

RECEIPT_SECONDS_MAX = 600
KEPT_MAX = 50


@dataclass(frozen=True, slots=True)
class Surprise:
    """`facts` say what was foreseen and did not come, what came unforeseen, and that it was never sent."""

    transaction: str
    client: Client
    facts: tuple[Fact, ...]

    def to_json(self) -> dict[str, Any]:
        facts = [fact.to_json() for fact in self.facts]
        return {"transaction": self.transaction, "origin": self.client.key, "facts": facts}


class Aftermath:
    """Watches what was sent, in the background. `on_surprise` is called for each."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._watching: set[asyncio.Task[None]] = set()
        self.surprises: deque[Surprise] = deque(maxlen=KEPT_MAX)
        self.on_surprise: Callable[[Surprise], None] = lambda surprise: None

    def watch(self, client: Client, node: Node, request: TransactionRequest, sent: str, outcome: Outcome) -> None:
        """Returns at once."""
        task = asyncio.create_task(self._compare(client, node, request, sent, outcome))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def close(self) -> None:
        for task in tuple(self._watching):
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def compare(
        self, client: Client, request: TransactionRequest, sent: str, outcome: Outcome, receipt: Receipt | None
    ) -> None:
        """Tells what came otherwise. Without a receipt it was never sent, and that is told whatever was foreseen."""
        assert request.sender is not None
        if receipt is None:
            self._tell(Surprise(sent, client, (unsent_fact(),)))
            return
        differences = drift(outcome, receipt, request.sender)
        with contextlib.suppress(ChainError, WalletError):  # nobody waits for this; what is not known is not told
            node = host_of(self._host.chains.network(request.chain_id).url)
            scene = Scene(await self._host.known(request.chain_id), request.chain_id, request.sender, 0)
            if facts := tuple(drift_facts(differences, scene, node)):
                self._tell(Surprise(sent, client, facts))

    def _tell(self, surprise: Surprise) -> None:
        self.surprises.append(surprise)
        self.on_surprise(surprise)

    async def _compare(
        self, client: Client, node: Node, request: TransactionRequest, sent: str, outcome: Outcome
    ) -> None:
        with contextlib.suppress(ChainError):
            receipt = await node.wait_for_receipt(bytes.fromhex(sent[2:]), RECEIPT_SECONDS_MAX)
            await self.compare(client, request, sent, outcome, receipt)
