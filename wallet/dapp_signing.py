"""Signing for clients: messages, typed data, transactions. Everything is reviewed from the bytes that will be signed.

A transaction is prepared when its prompt is shown: its number is the next one at that moment, after everything before
it has been sent. So ten asked for at once get ten numbers in a row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from chain.address import Address
from chain.block import listed, members
from chain.deadline import Deadline
from chain.errors import ChainError, InsufficientNative, NodeRefused
from chain.node import Node
from chain.outcome import Outcome
from chain.quantity import data, quantity
from chain.simulation import simulate
from chain.transaction import TRANSFER_GAS, SignedTransaction, TransactionRequest
from wallet.approvals import Kind
from wallet.asking import Client
from wallet.dapp_aftermath import Aftermath
from wallet.dapp_host import Host, Session
from wallet.dapp_params import read_personal_sign, read_transaction, read_typed_data
from wallet.errors import RpcRefused
from wallet.guard_claims import MESSAGE, TRANSACTION, TYPED, Item
from wallet.judgement import Subject
from wallet.permissions import permitted_account
from wallet.prompts import Proposal
from wallet.purse import Purse
from wallet.review import Review
from wallet.review_door import with_asker
from wallet.review_messages import review_message
from wallet.review_transactions import Observed, addresses_of, review_transaction
from wallet.review_typed_data import review_typed_data
from wallet.review_typed_values import review_typed_values
from wallet.rpc import Code, Params, bad_params, positional
from wallet.second_node import cross_checked, host_of
from wallet.signable_values import is_typed_values

BATCH_SECONDS_MAX = 20
REVERTED = 3

Line = tuple[int, Address]
"""A chain and an account: where numbers are counted."""


class Signing:
    """The signing methods. `busy` are lines on which a batch of calls is still being sent."""

    def __init__(self, host: Host, aftermath: Aftermath) -> None:
        self._host, self._aftermath = host, aftermath
        self.busy: dict[Line, asyncio.Task[None]] = {}

    async def personal_sign(self, session: Session, params: Params) -> object:
        grant = self._host.grant(session.client)
        message, wanted = read_personal_sign(params)
        client, account = session.client, permitted_account(grant, wanted)

        async def prepare() -> Proposal:
            chain_id = self._host.chain_of(client)
            known = await self._host.known(chain_id)
            host = self._host.config.server_host
            shown = review_message(message, account=account, known=known, origin=origin_of(client), host=host)

            async def act() -> object:
                return "0x" + (await self._host.signer.sign_message(message, account, shown.digest)).hex()

            subject = Subject(Kind.MESSAGE, chain_id, account, (Item(MESSAGE, message, hexed(shown)),))
            return Proposal(with_asker(shown, client), act, subject)

        return await self._host.desk.ask(client, Kind.MESSAGE, prepare)

    async def sign_typed_values(self, session: Session, params: Params) -> object:
        """eth_signTypedData: version 1's array too."""
        return await self.sign_typed_data(session, params, values_too=True)

    async def sign_typed_data(self, session: Session, params: Params, *, values_too: bool = False) -> object:
        grant = self._host.grant(session.client)
        document, wanted = read_typed_data(params, values_too=values_too, deadline=_deadline())
        client, account = session.client, permitted_account(grant, wanted)

        async def prepare() -> Proposal:
            shown = await self._reviewed_typed_data(client, document, account)

            async def act() -> object:
                return "0x" + (await self._host.signer.sign_typed_data(document, account, shown.digest)).hex()

            subject = Subject(
                Kind.TYPED_DATA, self._host.chain_of(client), account, (Item(TYPED, document, hexed(shown)),)
            )
            return Proposal(with_asker(shown, client), act, subject)

        return await self._host.desk.ask(client, Kind.TYPED_DATA, prepare)

    async def _reviewed_typed_data(self, client: Client, document: str, account: Address) -> Review:
        if is_typed_values(document):
            return review_typed_values(document, account=account, origin=origin_of(client))
        chain_id = self._host.chain_of(client)
        return review_typed_data(
            document,
            account=account,
            known=await self._host.known(chain_id),
            origin=origin_of(client),
            host=self._host.config.server_host,
            chain_id=chain_id,
            now=int(time.time()),
            deadline=_deadline(),
        )

    async def send_transaction(self, session: Session, params: Params) -> object:
        client = session.client
        grant = self._host.grant(client)
        asked = read_transaction(positional(params, 1, 2)[0])
        sender = permitted_account(grant, asked.sender)
        chain_id = grant.chain_id
        if asked.chain_id not in (None, chain_id):
            raise bad_params(f"params[0].chainId: the page is on chain {hex(chain_id)}")
        asked.request(sender, chain_id)

        async def prepare() -> Proposal:
            await self.wait_for_batch((chain_id, sender))
            node = await self._host.chains.node(chain_id)
            request = await prepared(self._host, node, asked.request(sender, chain_id))
            outcome = await simulate(node, request)
            shown = await self.reviewed(client, request, outcome)

            async def act() -> object:
                sent = await self.send(node, await self.sign(request, shown.digest))
                self._aftermath.watch(client, node, request, sent, outcome)
                return sent

            items = (Item(TRANSACTION, request.unsigned_payload, hexed(shown)),)
            return Proposal(shown, act, Subject(Kind.TRANSACTION, chain_id, sender, items, (outcome,)))

        return await self._host.desk.ask(client, Kind.TRANSACTION, prepare)

    # Shared with batches of calls

    async def reviewed(
        self,
        client: Client,
        request: TransactionRequest,
        outcome: Outcome,
        after: Sequence[TransactionRequest] = (),
    ) -> Review:
        """Of a prepared transaction's bytes, with what the node says of the addresses in them, and foresees once
        those of `after` are done.
        """
        assert request.sender is not None
        known, network = await self._host.known(request.chain_id), self._host.chains.network(request.chain_id)
        node = await self._host.chains.node(request.chain_id)
        shown = review_transaction(
            request.unsigned_payload,
            known,
            sender=request.sender,
            host=network.url,
            origin=origin_of(client),
            observed=await self._observed(client, request, outcome),
            now=int(time.time()),
            deadline=_deadline(),
        )
        try:
            shown = await cross_checked(shown, network, node, request, known, outcome=outcome, after=after)
        except ChainError as error:
            raise self._host.chains.refusal(error) from None
        return with_asker(shown, client)

    async def _observed(self, client: Client, request: TransactionRequest, outcome: Outcome) -> Observed:
        assert request.sender is not None
        node = await self._host.chains.node(request.chain_id)
        asked = addresses_of(request.unsigned_payload, request.sender, _deadline())
        try:
            found = await node.outcomes([("eth_getCode", (address, "latest")) for address in asked])
            code = {a: data(c) for a, c in zip(asked, found, strict=True) if not isinstance(c, NodeRefused)}
        except ChainError as error:
            raise self._host.chains.refusal(error) from None
        node_host = host_of(self._host.chains.network(request.chain_id).url)
        return Observed(self._host.chain_of(client), code, node_host, outcome)

    async def sign(self, request: TransactionRequest, digest: bytes) -> SignedTransaction:
        """What was reviewed, and nothing else."""
        assert request.sender is not None
        return await self._host.signer.sign_transaction(request.unsigned_payload, request.sender, digest)

    async def send(self, node: Node, signed: SignedTransaction) -> str:
        """The hash. Raises RpcRefused, with the node's own words where it takes the transaction not (REJECTED)."""
        try:
            await node.send_raw(signed.raw)
        except NodeRefused as error:
            raise RpcRefused(Code.REJECTED, error.message, error.data) from None
        except ChainError as error:
            raise self._host.chains.refusal(error) from None
        request = signed.request
        assert request.sender is not None
        purse = Purse(self._host.chains.network(request.chain_id), self._host.store)
        purse.keep_number(signed.hash_hex, request.sender, request.nonce, "sent")
        return signed.hash_hex

    async def wait_for_batch(self, line: Line) -> None:
        """The next number is known when the batch before has been sent. Raises RpcRefused (UNAVAILABLE)."""
        batch = self.busy.get(line)
        if batch is not None and not batch.done():
            await asyncio.wait([batch], timeout=BATCH_SECONDS_MAX)
            if not batch.done():
                raise RpcRefused(Code.UNAVAILABLE, "Calls of this account are still being sent.", None)


async def prepared(host: Host, node: Node, request: TransactionRequest) -> TransactionRequest:
    """With number, fees and gas. Raises RpcRefused."""
    try:
        return await node.prepare(request)
    except ChainError as error:
        raise host.chains.refusal(error) from None


async def prepared_in_a_row(host: Host, node: Node, asked: Sequence[TransactionRequest]) -> list[TransactionRequest]:
    """Numbered one after another, fees as the first. What only works after those before it gets its gas from a
    simulation of them all; a node that cannot simulate estimates each alone.

    Raises RpcRefused, also where the account cannot pay for them all.
    """
    gas = await _simulated_gas(node, asked)
    first = await prepared(host, node, asked[0] if gas is None else replace(asked[0], gas=gas[0]))
    assert first.nonce is not None
    made = [first]
    for place, request in enumerate(asked[1:], 1):
        numbered = replace(
            request,
            nonce=first.nonce + place,
            max_fee_per_gas=first.max_fee_per_gas,
            max_priority_fee_per_gas=first.max_priority_fee_per_gas,
            gas=None if gas is None else gas[place],
        )
        made.append(numbered if numbered.is_prepared else await prepared(host, node, numbered))
    await _check_funds(host, node, made)
    return made


async def _check_funds(host: Host, node: Node, made: Sequence[TransactionRequest]) -> None:
    value, fee = sum(request.value for request in made), sum(request.fee_max for request in made)
    try:
        available = quantity(await node.call("eth_getBalance", [made[0].sender, "latest"]))
        if available < value + fee:
            raise InsufficientNative(available, value, fee)
    except ChainError as error:
        raise host.chains.refusal(error) from None


async def _simulated_gas(node: Node, asked: Sequence[TransactionRequest]) -> list[int] | None:
    """What each may use after those before it; None where the node does not simulate. Raises RpcRefused for one that
    would revert, with the node's own data."""
    calls = [replace(request, gas=None).to_rpc() for request in asked]
    options = {"blockStateCalls": [{"calls": calls}], "validation": False}
    try:
        blocks = listed(await node.call("eth_simulateV1", [options, "latest"]), 1)
        done = [members(call) for call in listed(members(blocks[0] if blocks else None).get("calls"), len(asked))]
        used = [quantity(call.get("gasUsed"), 63) for call in done]
    except ChainError:
        return None
    if len(used) != len(asked):
        return None
    for call in done:
        if isinstance(error := call.get("error"), dict):
            # Nodes number this differently here; pages know the number that eth_estimateGas gives.
            raise RpcRefused(REVERTED, str(error.get("message", "")), error.get("data") or call.get("returnData"))
    # A call of plain coins costs exactly that; where code runs, state may differ by then, and refunds come last.
    return [gas if gas == TRANSFER_GAS else gas * 3 // 2 for gas in used]


def origin_of(client: Client) -> str:
    """As reviews hold it against what a sign-in text names: a page's origin, or the program's name."""
    return client.name or (client.process.name if client.process else "")


def hexed(shown: Review) -> str:
    """The digest as the signer takes it."""
    return "0x" + shown.digest.hex()


def _deadline() -> Deadline:
    """Of this thread's own work: what else the machine does makes no dApp's request too long."""
    return Deadline(time.thread_time_ns)
