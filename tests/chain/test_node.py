"""Node against real Anvil and Hardhat, and against a server that answers what no node should."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from eth_account import Account

from chain import erc20
from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import ETHER, Devnet, DevnetOptions, fund
from chain.devnet_contracts import OWNER, demo_token
from chain.errors import (
    AnswerMalformed,
    AnswerTooLarge,
    ExecutionReverted,
    FeeTooHigh,
    GasMissing,
    InsufficientNative,
    InsufficientToken,
    NodeRefused,
    NodeUnreachable,
    TokenWithoutCode,
    TransactionMalformed,
    TransactionUnseen,
    WrongChain,
    WrongGenesis,
)
from chain.fees import Speed
from chain.node import Node
from chain.token import Token, TokenAmount
from chain.transaction import SignedTransaction, TransactionRequest, TransactionType

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # Anvil's first, known to everyone
BOB = Address("0x" + 20 * "b0")
CAROL = Address("0x" + 20 * "c0")
ETH = Token.native(31337)
DUSD = demo_token("DUSD")


def sign(request: TransactionRequest) -> SignedTransaction:
    signature = bytes(Account.unsafe_sign_hash(request.signing_hash, KEY).signature)
    return SignedTransaction.join(request, signature)


async def test_money_moves(chain_node: Node) -> None:
    await fund(chain_node, OWNER, 0, 100 * 10**6)
    for amount in (TokenAmount.parse("0.25", ETH), TokenAmount.parse("30", DUSD)):
        prepared = await chain_node.prepare(erc20.transfer(amount, BOB, OWNER))
        signed = sign(prepared)
        sent = await chain_node.send_raw(signed.raw)
        assert sent == signed.hash
        receipt = await chain_node.wait_for_receipt(sent)
        assert receipt.succeeded and receipt.fee and receipt.fee <= prepared.fee_max
        assert await chain_node.send_raw(signed.raw) == sent, "sending again is no error"
        moved = [transfer for log in receipt.logs if (transfer := erc20.decode_transfer_log(log))]
        assert [(m.token, m.receiver, m.units) for m in moved] == ([(DUSD.address, BOB, 30_000_000)] if moved else [])
    broken = Token(31337, CAROL, "NONE", "No code", 6)
    found = await chain_node.balances(BOB, [ETH, DUSD, broken, demo_token("DWETH")])
    assert [amount and amount.format() for amount in found] == ["0.25", "30", None, "0"]
    assert await chain_node.web3.eth.get_balance(BOB) == 25 * 10**16
    assert await chain_node.code_at(CAROL) == b""


async def test_prepare_says_what_is_missing(chain_node: Node) -> None:
    await fund(chain_node, BOB, ETHER, 5 * 10**6)

    async def refused(request: TransactionRequest, error: type[Exception]) -> Any:
        with pytest.raises(error) as caught:
            await chain_node.prepare(request)
        return caught.value

    tokens = await refused(erc20.transfer(TokenAmount(7_000_000, DUSD), CAROL, BOB), InsufficientToken)
    assert (tokens.missing_units, tokens.token) == (2_000_000, DUSD.address)
    coins = await refused(erc20.transfer(TokenAmount(ETHER, ETH), CAROL, BOB), InsufficientNative)
    assert coins.missing_wei == coins.fee_wei > 0
    empty = await refused(erc20.transfer(TokenAmount(5, ETH), CAROL, Address("0x" + 20 * "d0")), InsufficientNative)
    assert empty.missing_wei == 5 + empty.fee_wei
    await fund(chain_node, CAROL, 0, 5 * 10**6)
    gas = await refused(erc20.transfer(TokenAmount(5, DUSD), BOB, CAROL), GasMissing)
    assert (gas.available_wei, gas.value_wei) == (0, 0) and gas.missing_wei == gas.fee_wei > 0
    assert not isinstance(coins, GasMissing) and not isinstance(empty, GasMissing)
    nothing = Token(31337, Address("0x" + 20 * "e0"), "NONE", "No code", 6)
    await refused(erc20.transfer(TokenAmount(1, nothing), OWNER, BOB), TokenWithoutCode)
    stolen = TransactionRequest(31337, DUSD.address, data=encode_call("mint(address,uint256)", BOB, 1), sender=BOB)
    reverted = await refused(stolen, ExecutionReverted)
    assert reverted.reason is None
    await refused(erc20.transfer(TokenAmount(1, Token.native(1)), OWNER, BOB), WrongChain)
    await refused(erc20.transfer(TokenAmount(1, ETH), OWNER), TransactionMalformed)
    chain_node.fee_cap = 1
    await refused(erc20.transfer(TokenAmount(1, ETH), OWNER, BOB), FeeTooHigh)


async def test_prepare_keeps_what_is_set_and_counts_pending_nonces(anvil: Node) -> None:
    await anvil.call("evm_setAutomine", [False])
    request = erc20.transfer(TokenAmount(1, ETH), BOB, OWNER)
    first = await anvil.prepare(request)
    await anvil.send_raw(sign(first).raw)
    second = await anvil.prepare(request)
    assert second.nonce == (first.nonce or 0) + 1
    chosen = replace(request, nonce=99, gas=50_000, max_fee_per_gas=10**10, max_priority_fee_per_gas=7)
    assert await anvil.prepare(chosen) == chosen
    with pytest.raises(TransactionUnseen):
        await anvil.wait_for_receipt(sign(first).hash, timeout_seconds=0.1)


@pytest.mark.parametrize("kind", ["anvil", "hardhat"])
async def test_a_chain_without_a_base_fee_gets_one_price(kind: str) -> None:
    async with Devnet.start(kind, options=DevnetOptions(hardfork="berlin")) as net, Node(net.url, 31337) as node:
        price = await node.gas_price()
        assert await node.fees() is None and price > 0
        request = erc20.transfer(TokenAmount(5, ETH), BOB, OWNER)
        plain = await node.prepare(request)
        assert (plain.type, plain.max_fee_per_gas) == (TransactionType.LEGACY, price)
        listed = await node.prepare(replace(request, access_list=((BOB, ()),)), Speed.FAST)
        assert (listed.type, listed.max_fee_per_gas) == (TransactionType.ACCESS_LIST, price * 5 // 4)
        tipped = replace(request, max_fee_per_gas=price + 7, max_priority_fee_per_gas=7)
        assert (await node.prepare(tipped)).max_priority_fee_per_gas == price + 7
        with pytest.raises(FeeTooHigh):
            await node.prepare(request, fee_cap=price - 1)
        for made in (plain, replace(listed, nonce=1)):
            sent = await node.send_raw(sign(made).raw)
            assert (await node.wait_for_receipt(sent)).succeeded
        assert [amount and amount.units for amount in await node.balances(BOB, [ETH])] == [10]


async def test_speeds_and_the_persons_cap(anvil: Node) -> None:
    request = erc20.transfer(TokenAmount(5, ETH), BOB, OWNER)
    slow, normal, fast = [await anvil.prepare(request, speed) for speed in Speed]
    assert slow.fee_max < normal.fee_max < fast.fee_max
    fees = await anvil.fees()
    assert fees is not None
    tight = await anvil.prepare(request, fee_cap=fees.base + fees.priority)
    assert tight.max_fee_per_gas == fees.base + fees.priority, "room ends at the cap"
    with pytest.raises(FeeTooHigh) as caught:
        await anvil.prepare(request, fee_cap=fees.base + fees.priority - 1)
    assert caught.value.max_fee_per_gas == fees.base + fees.priority


async def test_a_legacy_transaction_stays_one(anvil: Node) -> None:
    request = replace(erc20.transfer(TokenAmount(5, ETH), BOB, OWNER), type=TransactionType.LEGACY)
    prepared = await anvil.prepare(request)
    fees = await anvil.fees()
    assert fees is not None and prepared.type is TransactionType.LEGACY
    assert prepared.max_fee_per_gas == fees.one_price < fees.max_fee_per_gas
    receipt = await anvil.wait_for_receipt(await anvil.send_raw(sign(prepared).raw))
    assert receipt.succeeded


async def test_identity(anvil: Node) -> None:
    identity = await anvil.check()
    assert identity.chain_id == 31337
    assert await anvil.check(identity.genesis_hash) == identity
    with pytest.raises(WrongGenesis):
        await anvil.check(bytes(32))
    async with Node(anvil.url, 1) as other:
        with pytest.raises(WrongChain):
            await other.check()


async def test_blocks_and_logs(anvil: Node) -> None:
    height = await anvil.height()
    blocks = await anvil.blocks([0, height, height + 1], full=True)
    assert blocks[2] is None and blocks[1] is not None
    assert blocks[1].transactions[0].sender == OWNER
    query = {"fromBlock": "0x0", "toBlock": hex(height), "address": DUSD.address}
    (created,) = await anvil.logs(query)
    assert (created.address, created.block_number > 0) == (DUSD.address, True)


async def test_a_batch_keeps_its_order_and_its_refusals(anvil: Node) -> None:
    calls: list[tuple[str, tuple[object, ...]]] = [("eth_getBalance", (OWNER, "latest")), ("eth_nonsense", ())]
    found = await anvil.outcomes(calls * 120)
    assert len(found) == 240
    assert all(isinstance(answer, str) for answer in found[::2])
    assert all(isinstance(answer, NodeRefused) for answer in found[1::2])
    with pytest.raises(NodeRefused):
        await anvil.batch(calls)


Answer = Callable[[Any], Awaitable[web.StreamResponse]]


@pytest_asyncio.fixture
async def liar() -> AsyncIterator[Callable[..., Awaitable[Node]]]:
    """A node that answers what the test says."""
    runners, nodes = [], []

    async def start(answer: Answer, timeout_seconds: float = 60) -> Node:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await answer(await request.json())

        app = web.Application()
        app.router.add_post("/", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        port = runner.addresses[0][1]
        url = f"http://127.0.0.1:{port}/"
        nodes.append(Node(url, 31337, timeout_seconds=timeout_seconds, answer_bytes_max=100_000))
        return nodes[-1]

    yield start
    for node in nodes:
        await node.close()
    for runner in runners:
        await runner.cleanup()


def says(text: str | bytes, status: int = 200, **more: Any) -> Answer:
    body = text.encode() if isinstance(text, str) else text

    async def answer(_: Any) -> web.StreamResponse:
        return web.Response(body=body, status=status, **more)

    return answer


LIES = {
    "no JSON": ("<html>", AnswerMalformed),
    "another id": ('{"jsonrpc":"2.0","id":77,"result":"0x1"}', AnswerMalformed),
    "no id": ('{"jsonrpc":"2.0","result":"0x1"}', AnswerMalformed),
    "id true": ('{"jsonrpc":"2.0","id":true,"result":"0x1"}', AnswerMalformed),
    "neither": ('{"jsonrpc":"2.0","id":0}', AnswerMalformed),
    "twice": ('{"jsonrpc":"2.0","id":0,"result":"0x1","result":"0x2"}', AnswerMalformed),
    "deep": ("[" * 90_000, AnswerMalformed),
    "long": (" " * 100_001, AnswerTooLarge),
}


@pytest.mark.parametrize(("text", "error"), LIES.values(), ids=LIES)
async def test_lies(liar: Any, text: str, error: type[Exception]) -> None:
    node = await liar(says(text))
    with pytest.raises(error):
        await node.call("eth_blockNumber")


@pytest.mark.parametrize("result", [1, None, "1", "0x", "0x01", "0xg", "0x" + 65 * "f", {}, "0x１"])
async def test_results_that_are_no_quantity(liar: Any, result: Any) -> None:
    node = await liar(says(json.dumps({"jsonrpc": "2.0", "id": 0, "result": result})))
    with pytest.raises(AnswerMalformed):
        await node.height()


async def test_a_zip_bomb_is_counted_unpacked(liar: Any) -> None:
    async def answer(_: Any) -> web.StreamResponse:
        response = web.Response(body=b" " * 10_000_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    node = await liar(answer)
    with pytest.raises(AnswerTooLarge):
        await node.height()


async def test_answers_out_of_order_and_too_few(liar: Any) -> None:
    async def backwards(calls: Any) -> web.StreamResponse:
        answers = [{"jsonrpc": "2.0", "id": call["id"], "result": call["method"]} for call in calls]
        return web.json_response(answers[::-1] if len(calls) < 4 else answers[1:])

    node = await liar(backwards)
    assert await node.batch([("a", ()), ("b", ()), ("c", ())]) == ["a", "b", "c"]
    with pytest.raises(AnswerMalformed):
        await node.batch([("a", ()), ("b", ()), ("c", ()), ("d", ())])


async def test_out_of_reach(liar: Any) -> None:
    async def never(_: Any) -> web.StreamResponse:
        await asyncio.sleep(2)
        return web.Response()

    for answer, reason in (
        (never, "timeout"),
        (says("busy", 503), "http-503"),
        (says("", 302, headers={"Location": "/x"}), "http-302"),
        (says('{"type":"about:blank","status":404}', 404), "http-404"),
    ):
        with pytest.raises(NodeUnreachable) as caught:
            await (await liar(answer, 0.5 if answer is never else 60)).height()
        assert caught.value.reason == reason
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with Node(f"http://127.0.0.1:{free.getsockname()[1]}/secret-key") as node:
            with pytest.raises(NodeUnreachable) as caught:
                await node.height()
    assert caught.value.reason == "connection"
    assert "secret-key" not in str(caught.value)
    async with Node("not a url") as node:
        with pytest.raises(NodeUnreachable):
            await node.height()


async def test_errors_with_another_http_status_are_still_the_nodes(liar: Any) -> None:
    node = await liar(says('{"jsonrpc":"2.0","id":0,"error":{"code":-32602,"message":"no"}}', 400))
    with pytest.raises(NodeRefused) as caught:
        await node.height()
    assert caught.value.code == -32602


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "execution reverted: no money", "data": "DATA"},
        {"code": -32603, "message": "Error: VM Exception ... reverted with reason", "data": {"data": "DATA"}},
    ],
)
async def test_revert_reasons_as_geth_and_hardhat_tell_them(liar: Any, error: Any) -> None:
    revert = "0x" + encode_call("Error(string)", "no money").hex()
    text = json.dumps({"jsonrpc": "2.0", "id": 0, "error": error}).replace("DATA", revert)
    node = await liar(says(text))
    with pytest.raises(ExecutionReverted) as caught:
        await node.call("eth_call")
    assert caught.value.reason == "no money"


async def test_web3_never_follows_a_contract_to_an_url(anvil: Node) -> None:
    assert anvil.provider.global_ccip_read_enabled is False
