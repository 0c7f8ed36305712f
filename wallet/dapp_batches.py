"""EIP-5792 at work: a batch is reviewed as a whole, then sent call by call; it stops at the first that fails."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chain.address import Address
from chain.errors import ChainError
from chain.node import Node
from chain.simulation import simulate
from chain.transaction import SignedTransaction
from wallet.approvals import Kind
from wallet.dapp_calls import (
    Batch,
    capabilities,
    read_batch_id,
    read_capabilities,
    read_send_calls,
    state_of,
    status,
)
from wallet.dapp_host import Host, Session
from wallet.dapp_signing import Signing, hexed, prepared_in_a_row
from wallet.desk import Proposal
from wallet.errors import RpcRefused, WalletError
from wallet.guard_claims import TRANSACTION, Item
from wallet.judgement import Subject
from wallet.permissions import permitted_account
from wallet.review_door import review_calls
from wallet.rpc import Code, Params

KEPT_MAX = 1000
RECEIPT_SECONDS_MAX = 600


@dataclass(slots=True)
class _Sent:
    """A batch that was agreed to. `receipts` are the node's own, in order."""

    key: str
    chain_id: int
    count: int
    hashes: list[str] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False


class Batches:
    """The methods of EIP-5792. A batch is known to the client that sent it, and as long as this process runs."""

    def __init__(self, host: Host, signing: Signing) -> None:
        self._host, self._signing = host, signing
        self._sent: dict[tuple[str, str], _Sent] = {}
        self._asked: set[tuple[str, str]] = set()

    async def send_calls(self, session: Session, params: Params) -> object:
        client = session.client
        grant = self._host.grant(client)
        batch = read_send_calls(params)
        sender = permitted_account(grant, batch.sender)
        if batch.chain_id not in self._host.chains.known:
            raise RpcRefused(Code.CALLS_CHAIN, f"The chain {hex(batch.chain_id)} is not known.", None)
        number = batch.id or "0x" + secrets.token_hex(32)
        if (client.key, number) in self._sent or (client.key, number) in self._asked:
            raise RpcRefused(Code.CALLS_DUPLICATE, "A batch of this id was sent before.", None)
        requests = [call.request(sender, batch.chain_id) for call in batch.calls]

        async def prepare() -> Proposal:
            await self._signing.wait_for_batch((batch.chain_id, sender))
            node = await self._host.chains.node(batch.chain_id)
            made = await prepared_in_a_row(self._host, node, requests)
            outcomes = [await simulate(node, made[0]), *[None] * (len(made) - 1)]
            pairs = zip(made, outcomes, strict=True)
            reviews = [await self._signing.reviewed(client, request, outcome) for request, outcome in pairs]

            async def act() -> object:
                # All at once, so that one agreement, or one reservation under the policy, is for all of them.
                agreed = zip(made, reviews, strict=True)
                signed = [await self._signing.sign(request, shown.digest) for request, shown in agreed]
                await self._begin((client.key, number), batch, node, sender, signed)
                return {"id": number}

            shown = zip(made, reviews, strict=True)
            items = tuple(Item(TRANSACTION, request.unsigned_payload, hexed(review)) for request, review in shown)
            subject = Subject(Kind.CALLS, batch.chain_id, sender, items, outcomes[0] if len(made) == 1 else None)
            return Proposal(review_calls(client, reviews), act, subject)

        self._asked.add((client.key, number))
        try:
            return await self._host.desk.ask(client, Kind.CALLS, prepare)
        finally:
            self._asked.discard((client.key, number))

    async def calls_status(self, session: Session, params: Params) -> object:
        number = read_batch_id(params)
        sent = self._of(session, number)
        state = state_of(sent.count, sent.receipts, sent.stopped)
        return status(number, sent.chain_id, state, sent.receipts)

    async def show_calls_status(self, session: Session, params: Params) -> object:
        """The person sees it in `tandem activity`; the page is told nothing more than that it exists."""
        self._of(session, read_batch_id(params))
        return None

    async def capabilities(self, session: Session, params: Params) -> object:
        address, wanted = read_capabilities(params)
        permitted_account(self._host.grant(session.client), address)
        known = self._host.chains.known
        return capabilities(chain for chain in (known if wanted is None else wanted) if chain in known)

    def _of(self, session: Session, number: str) -> _Sent:
        self._host.grant(session.client)
        sent = self._sent.get((session.client.key, number))
        if sent is None:
            raise RpcRefused(Code.CALLS_UNKNOWN, "No batch of this id was sent from here.", None)
        return sent

    async def _begin(
        self,
        name: tuple[str, str],
        batch: Batch,
        node: Node,
        sender: Address,
        signed: Sequence[SignedTransaction],
    ) -> None:
        """Sends the first one; whoever asked hears of it then, and the others follow by themselves."""
        sent = _Sent(name[0], batch.chain_id, len(signed))
        sent.hashes.append(await self._signing.send(node, signed[0]))
        while len(self._sent) >= KEPT_MAX:
            self._sent.pop(next(iter(self._sent)))
        self._sent[name] = sent
        self._signing.busy[(batch.chain_id, sender)] = asyncio.create_task(self._go_on(sent, node, signed))

    async def _go_on(self, sent: _Sent, node: Node, signed: Sequence[SignedTransaction]) -> None:
        """One after another: the next is sent when a block has the one before, and it succeeded."""
        try:
            with contextlib.suppress(WalletError, ChainError):
                for place, one in enumerate(signed):
                    if place:
                        sent.hashes.append(await self._signing.send(node, one))
                    await node.wait_for_receipt(bytes.fromhex(sent.hashes[-1][2:]), RECEIPT_SECONDS_MAX)
                    receipt = await node.call("eth_getTransactionReceipt", [sent.hashes[-1]])
                    if not isinstance(receipt, dict):
                        return
                    sent.receipts.append(receipt)
                    if receipt.get("status") != "0x1":
                        return
        finally:
            sent.stopped = True
