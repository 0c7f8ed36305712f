"""EIP-5792 at work: a batch is reviewed as a whole, then sent call by call; it stops at the first that fails."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from chain.errors import ChainError
from chain.node import Node
from chain.outcome import Outcome
from chain.simulation import simulate_row
from chain.transaction import SignedTransaction, TransactionRequest
from wallet.approvals import Kind
from wallet.asking import Client
from wallet.dapp_aftermath import Aftermath
from wallet.dapp_calls import (
    capabilities,
    read_batch_id,
    read_capabilities,
    read_send_calls,
    state_of,
    status,
)
from wallet.dapp_host import Host, Session
from wallet.dapp_signing import Signing, hexed, prepared_in_a_row
from wallet.errors import RpcRefused, WalletError
from wallet.guard_claims import TRANSACTION, Item
from wallet.judgement import Subject
from wallet.permissions import permitted_account
from wallet.prompts import Proposal
from wallet.review_door import review_calls
from wallet.rpc import Code, Params

KEPT_MAX = 1000
RECEIPT_SECONDS_MAX = 600


@dataclass(frozen=True, slots=True)
class _Call:
    """What was reviewed, what the node foresaw of it after those before it, and what was signed."""

    request: TransactionRequest
    outcome: Outcome
    signed: SignedTransaction


@dataclass(slots=True)
class _Sent:
    """A batch that was agreed to. `receipts` are the node's own, in order."""

    key: str
    chain_id: int
    calls: tuple[_Call, ...]
    hashes: list[str] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False


class Batches:
    """The methods of EIP-5792. A batch is known to the client that sent it, and as long as this process runs."""

    def __init__(self, host: Host, signing: Signing, aftermath: Aftermath) -> None:
        self._host, self._signing, self._aftermath = host, signing, aftermath
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
            outcomes = await simulate_row(node, made)
            reviews = [
                await self._signing.reviewed(client, request, outcome, made[:place])
                for place, (request, outcome) in enumerate(zip(made, outcomes, strict=True))
            ]

            async def act() -> object:
                # All at once, so that one agreement, or one reservation under the policy, is for all of them.
                agreed = zip(made, reviews, strict=True)
                signed = [await self._signing.sign(request, shown.digest) for request, shown in agreed]
                calls = tuple(map(_Call, made, outcomes, signed))
                await self._begin(client, number, node, _Sent(client.key, batch.chain_id, calls))
                return {"id": number}

            shown = zip(made, reviews, strict=True)
            items = tuple(Item(TRANSACTION, request.unsigned_payload, hexed(review)) for request, review in shown)
            subject = Subject(Kind.CALLS, batch.chain_id, sender, items, tuple(outcomes))
            return Proposal(review_calls(client, reviews), act, subject)

        self._asked.add((client.key, number))
        try:
            return await self._host.desk.ask(client, Kind.CALLS, prepare)
        finally:
            self._asked.discard((client.key, number))

    async def calls_status(self, session: Session, params: Params) -> object:
        number = read_batch_id(params)
        sent = self._of(session, number)
        state = state_of(len(sent.calls), sent.receipts, sent.stopped)
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

    async def _begin(self, client: Client, number: str, node: Node, sent: _Sent) -> None:
        """Sends the first one; whoever asked hears of it then, and the others follow by themselves."""
        first = sent.calls[0]
        sent.hashes.append(await self._signing.send(node, first.signed))
        while len(self._sent) >= KEPT_MAX:
            self._sent.pop(next(iter(self._sent)))
        self._sent[(client.key, number)] = sent
        assert first.request.sender is not None
        line = (sent.chain_id, first.request.sender)
        self._signing.busy[line] = asyncio.create_task(self._go_on(client, sent, node))

    async def _go_on(self, client: Client, sent: _Sent, node: Node) -> None:
        """One after another: the next is sent when a block has the one before, and it succeeded. Each is held against
        what was foreseen of it; of those that are never sent that is told."""
        try:
            with contextlib.suppress(WalletError, ChainError):
                for place, call in enumerate(sent.calls):
                    if place:
                        sent.hashes.append(await self._signing.send(node, call.signed))
                    found = await node.wait_for_receipt(bytes.fromhex(sent.hashes[-1][2:]), RECEIPT_SECONDS_MAX)
                    receipt = await node.call("eth_getTransactionReceipt", [sent.hashes[-1]])
                    if not isinstance(receipt, dict):
                        break
                    sent.receipts.append(receipt)
                    await self._aftermath.compare(client, call.request, sent.hashes[-1], call.outcome, found)
                    if not found.succeeded:
                        break
        finally:
            sent.stopped = True
        for call in sent.calls[len(sent.hashes) :]:
            await self._aftermath.compare(client, call.request, call.signed.hash_hex, call.outcome, None)
