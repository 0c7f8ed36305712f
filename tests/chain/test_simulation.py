"""Simulating on a real Anvil, by both of its methods; on Hardhat, which has neither; and on nodes that lie."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from eth_account import Account

from chain import erc20
from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import Devnet, fund
from chain.devnet_contracts import OWNER, demo_token
from chain.errors import TransactionMalformed
from chain.node import Node
from chain.outcome import NOT_SIMULATED, Difference, Grant, Method, Movement, Span, drift
from chain.simulation import simulate, simulate_row
from chain.token import Token, TokenAmount
from chain.transaction import SignedTransaction, TransactionRequest

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # Anvil's first, known to everyone
BOB = Address("0x" + 20 * "b0")
DUSD = demo_token("DUSD")
assert DUSD.address is not None
TOKEN = DUSD.address


@asynccontextmanager
async def refusing(upstream: str, *methods: str, answer: Any = None) -> AsyncIterator[Node]:
    """A node that passes everything on, save these methods: refused, or answered with `answer`."""

    async def handle(request: web.Request) -> web.Response:
        asked = await request.json()
        calls = asked if isinstance(asked, list) else [asked]
        told = []
        async with aiohttp.ClientSession() as session:
            for call in calls:
                if call["method"] not in methods:
                    async with session.post(upstream, json=call) as passed:
                        told.append(await passed.json())
                    continue
                refused = {"error": {"code": -32601, "message": "Method not found"}}
                given = refused if answer is None else {"result": answer}
                told.append({"jsonrpc": "2.0", "id": call["id"], **given})
        return web.json_response(told if isinstance(asked, list) else told[0])

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Node(f"http://127.0.0.1:{runner.addresses[0][1]}/", 31337) as node:
        yield node
    await runner.cleanup()


def request(data: bytes = b"", to: Address = TOKEN, value: int = 0) -> TransactionRequest:
    return TransactionRequest(31337, to, value, data, OWNER)


SEND = encode_call("transfer(address,uint256)", BOB, 30_000_000)
APPROVE = encode_call("approve(address,uint256)", BOB, 2**256 - 1)


async def test_a_transfer_is_foreseen_and_comes_so(anvil: Node) -> None:
    await fund(anvil, OWNER, 0, 100 * 10**6)
    outcome = await simulate(anvil, request(SEND))
    assert (outcome.method, outcome.succeeded) == (Method.SIMULATE, True)
    assert outcome.movements == (Movement(TOKEN, OWNER, BOB, 30_000_000),)
    assert outcome.balances == {TOKEN: Span(100 * 10**6, 70 * 10**6)}
    assert outcome.changes(OWNER) == {TOKEN: -30_000_000}
    prepared = await anvil.prepare(request(SEND))
    signature = bytes(Account.unsafe_sign_hash(prepared.signing_hash, KEY).signature)
    sent = await anvil.send_raw(SignedTransaction.join(prepared, signature).raw)
    receipt = await anvil.wait_for_receipt(sent)
    assert drift(outcome, receipt, OWNER) == ()
    other = await simulate(anvil, request(encode_call("transfer(address,uint256)", BOB, 1)))
    assert Difference(Movement(TOKEN, OWNER, BOB, 1), True) in drift(other, receipt, OWNER)


async def test_allowances_coins_and_failures(anvil: Node) -> None:
    allowed = await simulate(anvil, request(APPROVE))
    assert allowed.grants == (Grant(TOKEN, OWNER, BOB, 2**256 - 1),)
    assert allowed.allowances == {(TOKEN, BOB): Span(0, 2**256 - 1)}
    coins = await simulate(anvil, request(to=BOB, value=10**18))
    assert coins.changes(OWNER) == {None: -(10**18)}
    failed = await simulate(anvil, request(encode_call("transfer(address,uint256)", BOB, 2**200)))
    assert (failed.succeeded, failed.changes(OWNER)) == (False, {})


async def test_each_of_several_is_foreseen_on_what_those_before_it_leave(anvil: Node) -> None:
    await fund(anvil, OWNER, 0, 100 * 10**6)
    much = request(encode_call("transfer(address,uint256)", BOB, 60_000_000))
    row = await simulate_row(anvil, [request(SEND), much, much, request(APPROVE)])
    assert [one.succeeded for one in row] == [True, True, False, True], "alone the third would succeed too"
    spans = [one.balances[TOKEN] for one in row]
    assert spans == [Span(100 * 10**6, 70 * 10**6), Span(70 * 10**6, 10**7), Span(10**7, 10**7), Span(10**7, 10**7)]
    assert [one.changes(OWNER) for one in row[:2]] == [{TOKEN: -30_000_000}, {TOKEN: -60_000_000}]
    assert row[3].allowances == {(TOKEN, BOB): Span(0, 2**256 - 1)} and row[2].grants == ()
    most = await simulate_row(anvil, [request(encode_call("transfer(address,uint256)", BOB, 1))] * 20)
    assert most[19].balances[TOKEN] == Span(100 * 10**6 - 19, 100 * 10**6 - 20)
    with pytest.raises(TransactionMalformed):
        await simulate_row(anvil, [request(SEND), TransactionRequest(31337, BOB, 0, b"", BOB)])


async def test_a_node_that_only_traces_tells_the_first_of_several_alone(anvil: Node) -> None:
    await fund(anvil, OWNER, 0, 100 * 10**6)
    async with refusing(anvil.url, "eth_simulateV1") as node:
        first, *others = await simulate_row(node, [request(SEND)] * 3)
        assert (first.method, first.changes(OWNER)) == (Method.TRACE, {TOKEN: -30_000_000})
        assert others == [NOT_SIMULATED] * 2


async def test_a_trace_says_the_same(anvil: Node) -> None:
    await fund(anvil, OWNER, 0, 100 * 10**6)
    async with refusing(anvil.url, "eth_simulateV1") as node:
        sent = await simulate(node, request(SEND))
        assert (sent.method, sent.succeeded, sent.changes(OWNER)) == (Method.TRACE, True, {TOKEN: -30_000_000})
        assert (await simulate(node, request(APPROVE))).grants == (Grant(TOKEN, OWNER, BOB, 2**256 - 1),)
        assert (await simulate(node, request(to=BOB, value=7))).changes(OWNER) == {None: -7}
        assert (await simulate(node, request(encode_call("transfer(address,uint256)", BOB, 2**200)))).succeeded is False


async def test_a_node_without_either_says_so() -> None:
    async with Devnet.start("hardhat") as net, Node(net.url, 31337) as node:
        assert await simulate(node, request(to=BOB, value=1)) == NOT_SIMULATED


@pytest.mark.parametrize("answer", [[], {}, "0x", 5, [{"calls": [{}]}], {"type": "CALL"}, [[[[]]]]])
async def test_a_node_that_answers_nonsense_is_as_good_as_none(anvil: Node, answer: Any) -> None:
    async with refusing(anvil.url, "eth_simulateV1", "debug_traceCall", answer=answer) as node:
        assert await simulate(node, request(SEND)) == NOT_SIMULATED


async def test_a_node_that_is_gone_is_none() -> None:
    async with Node("http://127.0.0.1:1/", 31337) as node:
        assert await asyncio.wait_for(simulate(node, request(SEND)), 120) == NOT_SIMULATED


async def test_whose_transaction_it_is_has_to_be_said() -> None:
    async with Node("http://127.0.0.1:1/", 31337) as node:
        with pytest.raises(TransactionMalformed):
            await simulate(node, erc20.transfer(TokenAmount(1, Token.native(31337)), BOB))
