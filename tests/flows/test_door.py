"""The door, end to end: a real `tandem up`, a real chain, and clients that connect, sign, send and are declined."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils import to_checksum_address

from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import Devnet, deploy, mint
from chain.devnet_contracts import demo_token
from chain.node import Node
from chain.quantity import to_hex
from fiat.signature import recover
from tests.flows.door_client import ALICE, BOB, PAGE, STEPS_MAX, Http, Person, Up, anvil_and_up, environment, up
from tests.flows.door_sockets import EXTENSION, Extension, Socket

pytestmark = pytest.mark.asyncio(loop_scope="module")

TYPED = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Mail": [{"name": "to", "type": "address"}, {"name": "text", "type": "string"}],
    },
    "primaryType": "Mail",
    "domain": {"name": "Example", "chainId": 31337},
    "message": {"to": BOB, "text": "hello"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    async with anvil_and_up(tmp_path_factory.mktemp("door")) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def person(running: Up) -> AsyncIterator[Person]:
    async with Person(running) as answering:
        yield answering


async def connected(page: Http | Socket, person: Person) -> list[str]:
    """A grant for the page, if it has none."""
    if not await page.ask("eth_accounts"):
        asked = asyncio.create_task(page.ask("eth_requestAccounts"))
        await person.approve("connect")
        assert await asked == [ALICE]
    return list(await page.ask("eth_accounts"))


async def mined(page: Http | Socket, transaction: str) -> Any:
    """The receipt, when a block has it."""
    for _step in range(STEPS_MAX):
        if (receipt := await page.ask("eth_getTransactionReceipt", transaction)) is not None:
            return receipt
        await asyncio.sleep(0.02)
    raise AssertionError("no block has it")


async def nothing_waits(person: Person) -> None:
    for _step in range(STEPS_MAX):
        if not await person.approvals():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("a prompt outlived who asked")


async def test_before_a_grant_nothing_is_read_and_nobody_is_asked(running: Up, person: Person) -> None:
    async with Http(running, "https://new.example") as page:
        assert await page.ask("eth_accounts") == []
        assert await page.ask("eth_coinbase") is None
        assert await page.ask("wallet_getPermissions") == []
        assert await page.ask("eth_chainId") == "0x7a69"
        assert await page.ask("net_version") == "31337"
        for method, *params in (
            ("personal_sign", "0x00", ALICE),
            ("personal_sign",),
            ("eth_signTypedData_v4", ALICE, TYPED),
            ("eth_sendTransaction", {"to": BOB}),
            ("wallet_sendCalls", {}),
            ("wallet_getCallsStatus", "0x00"),
            ("wallet_getCapabilities", ALICE),
            ("wallet_switchEthereumChain", {"chainId": "0x1"}),
            ("wallet_addEthereumChain", {}),
            ("wallet_watchAsset", {}),
        ):
            assert await page.code(str(method), *params) == 4100, method
        assert await person.approvals() == []


async def test_connect_sign_and_send(running: Up, person: Person) -> None:
    async with Http(running) as page:
        assert await connected(page, person) == [ALICE]

        signing = asyncio.create_task(page.ask("personal_sign", "0x68690a", ALICE))
        prompt = await person.approve("sign_message")
        assert (prompt["origin"], prompt["client"]["kind"]) == (PAGE, "page")
        assert Account.recover_message(encode_defunct(b"hi\n"), signature=await signing).lower() == ALICE
        assert await page.ask("personal_ecRecover", "0x68690a", await signing) == ALICE

        signing = asyncio.create_task(page.ask("eth_signTypedData_v4", ALICE, json.dumps(TYPED)))
        await person.approve("sign_typed_data")
        assert Account.recover_message(encode_typed_data(full_message=TYPED), signature=await signing).lower() == ALICE

        values = [{"type": "string", "name": "message", "value": "Hi, Alice!"}]
        signing = asyncio.create_task(page.ask("eth_signTypedData", values, ALICE))
        assert (await person.approve("sign_typed_data"))["warnings"] == ["no-domain"]
        digest = bytes.fromhex("14b9f24872e28cc49e72dc104d7380d8e0ba84a3fe2e712704bcac66a5702bd5")
        assert recover(digest, bytes.fromhex((await signing)[2:])).hex() == ALICE[2:]

        sending = asyncio.create_task(page.ask("eth_sendTransaction", {"from": ALICE, "to": BOB, "value": "0x1"}))
        await person.approve("send_transaction")
        receipt = await mined(page, await sending)
        assert receipt["status"] == "0x1" and receipt["to"] == BOB.lower()


async def test_declined_is_4001_and_malformed_is_told_before_anybody_is_asked(running: Up, person: Person) -> None:
    async with Http(running) as page:
        await connected(page, person)
        for kind, method, *params in (
            ("sign_message", "personal_sign", "0x00", ALICE),
            ("sign_typed_data", "eth_signTypedData_v3", ALICE, TYPED),
            ("send_transaction", "eth_sendTransaction", {"to": BOB}),
        ):
            asked = asyncio.create_task(page.code(str(method), *params))
            await person.decline(str(kind))
            assert await asked == 4001
        for method, *params in (
            ("personal_sign", "0x00"),
            ("eth_signTypedData_v4", ALICE, {**TYPED, "primaryType": "Nothing"}),
            ("eth_sendTransaction", {"to": BOB, "value": "1"}),
            ("eth_sendTransaction", {"to": BOB, "chainId": "0x1"}),
            ("wallet_watchAsset", {"type": "ERC20", "options": {"address": BOB, "symbol": "X", "decimals": 18}}),
        ):
            assert await page.code(str(method), *params) == -32602, method
        assert await page.code("personal_sign", "0x00", BOB) == 4100
        assert await page.code("eth_sendTransaction", {"to": BOB, "value": hex(10**24)}) == -32000
        assert await person.approvals() == []


def sign_in_text(domain: str) -> str:
    return "\n".join(
        [
            f"{domain} wants you to sign in with your Ethereum account:",
            to_checksum_address(ALICE),
            "",
            "",
            f"URI: http://{domain}",
            "Version: 1",
            "Chain ID: 1",
            "Nonce: abcdefgh12345678",
            "Issued At: 2020-01-02T03:04:05Z",
        ]
    )


async def test_a_sign_in_is_for_the_page_that_asks_and_never_for_our_own_server(running: Up, person: Person) -> None:
    async with Http(running) as page:
        await connected(page, person)
        asked = asyncio.create_task(page.ask("personal_sign", sign_in_text("app.example"), ALICE))
        prompt = await person.approve("siwe")
        assert (await asked).startswith("0x") and prompt["warnings"] == []
        asked_elsewhere = asyncio.create_task(page.code("personal_sign", sign_in_text("bank.example"), ALICE))
        prompt = await person.decline("siwe")
        assert prompt["warnings"] == ["sign-in-elsewhere"] and prompt["review"]["needs_word"]
        assert await asked_elsewhere == 4001
        assert await page.code("personal_sign", sign_in_text("127.0.0.1:8000"), ALICE) == 4100
        order = {**TYPED, "domain": {"name": "Tandem Ledger", "chainId": 31337}}
        assert await page.code("eth_signTypedData_v4", ALICE, order) == 4100
        assert await person.approvals() == []


async def test_i08_another_digest_than_the_one_that_was_seen_is_refused(running: Up, person: Person) -> None:
    async with Http(running) as page:
        await connected(page, person)
        asked = asyncio.create_task(page.ask("personal_sign", "0x01", ALICE))
        prompt = await person.shown("sign_message")
        assert (await person.answer(prompt, "approve", "0x" + "00" * 32))[0] == 409
        assert (await person.answer(prompt, "approve"))[0] == 422
        assert (await person.answer({"id": "ffffffff"}, "approve", prompt["digest"]))[0] == 404
        assert (await person.answer(prompt, "approve", prompt["digest"]))[0] == 200
        await asked
        assert (await person.answer(prompt, "approve", prompt["digest"]))[0] == 404


async def test_ten_transactions_at_the_same_instant_get_ten_numbers_in_a_row(running: Up, person: Person) -> None:
    async with Http(running) as page, Node(running.chain_url) as node:
        await connected(page, person)
        first = int(str(await node.call("eth_getTransactionCount", [ALICE, "latest"])), 16)
        asked = [
            asyncio.create_task(page.answer("eth_sendTransaction", {"to": BOB, "value": hex(n)})) for n in range(11)
        ]
        for _number in range(10):
            await person.approve("send_transaction")
        answers = [await task for task in asked]
        hashes = [answer["result"] for answer in answers if "result" in answer]
        assert [answer["error"]["code"] for answer in answers if "error" in answer] == [-32005]
        sent = [await node.call("eth_getTransactionByHash", [one]) for one in hashes]
        assert sorted(int(one["nonce"], 16) for one in sent) == list(range(first, first + 10))  # type: ignore[index]
        told = (await running.tandem("pending"))["accounts"][0]["transactions"]
        done = {one["transaction"]: (int(one["nonce"]), one["state"]) for one in told}
        assert sorted(done[one] for one in hashes) == [(first + n, "done") for n in range(10)], "the person sees them"


async def test_what_came_otherwise_than_foreseen_is_told(running: Up, person: Person) -> None:
    """The code changes between the yes and the block: the receipt is held against the simulation."""
    contract = "0x00000000000000000000000000000000c0ffee00"
    async with Http(running) as page, Node(running.chain_url) as node:
        await connected(page, person)
        await node.call("anvil_setCode", [contract, "0x00"])
        call = {"to": contract, "data": "0x12345678", "gas": "0x186a0"}
        for code, surprises in (("0x00", 0), ("0x60006000fd", 1)):
            asked = asyncio.create_task(page.ask("eth_sendTransaction", call))
            prompt = await person.shown("send_transaction")
            assert "eth_simulateV1" in [fact["value"] for fact in prompt["review"]["facts"]]
            await node.call("anvil_setCode", [contract, code])
            await person.answer(prompt, "approve", prompt["digest"])
            sent = await asked
            assert (await mined(page, sent))["status"] == ("0x0" if surprises else "0x1")
            for _step in range(STEPS_MAX if surprises else 1):
                told = [one for one in (await running.tandem("approvals"))["surprises"] if one["transaction"] == sent]
                if told:
                    break
            assert len(told) == surprises
            assert {fact["label"] for one in told for fact in one["facts"]} == ({"foreseen"} if surprises else set())


async def test_what_the_node_does_not_take_is_32003_in_its_own_words(running: Up, person: Person) -> None:
    """The coins are gone between the prompt and the yes, so that what is signed then nobody takes."""
    async with Http(running) as page, Node(running.chain_url) as node:
        await connected(page, person)
        before = str(await node.call("eth_getBalance", [ALICE, "latest"]))
        payment = {"to": BOB, "value": "0x1"}
        batch = {"version": "2.0.0", "chainId": "0x7a69", "atomicRequired": False, "calls": [payment]}
        for method, asked in (("eth_sendTransaction", payment), ("wallet_sendCalls", batch)):
            sending = asyncio.create_task(page.answer(method, asked))
            prompt = await person.shown()
            await node.call("anvil_setBalance", [ALICE, "0x0"])
            try:
                assert (await person.answer(prompt, "approve", prompt["digest"]))[0] == 200
                error = (await sending)["error"]
            finally:
                await node.call("anvil_setBalance", [ALICE, before])
            assert error["code"] == -32003 and "nsufficient funds" in error["message"], error


async def test_five_wait_and_the_next_is_32005_and_leaving_withdraws(running: Up, person: Person) -> None:
    async with Socket(running, "https://busy.example") as page:
        await connected(page, person)
        asked = [asyncio.create_task(page.answer("personal_sign", hex(256 + n), ALICE)) for n in range(6)]
        await person.shown("sign_message")
        assert await page.code("personal_sign", "0x00", ALICE) == -32005
        for task in asked:
            task.cancel()
    await nothing_waits(person)


async def test_refused_and_unknown_methods(running: Up) -> None:
    async with Http(running) as page:
        for method in ("eth_sign", "eth_signTransaction", "eth_decrypt", "anvil_setBalance", "debug_traceCall"):
            assert await page.code(method) == 4200
        for method in ("eth_mine", "wallet_nothing", "rpc_modules"):
            assert await page.code(method) == -32601
        for method in ("eth_mining", "net_peerCount"):
            assert await page.code(method) == -32004
        older = await page.post({"jsonrpc": "1.0", "id": 7, "method": "eth_chainId", "params": []})
        assert (older["id"], older["error"]["code"]) == (7, -32006)
        assert await page.code("eth_subscribe", "newHeads") == 4200


async def test_i14_no_authorization_for_a_page(running: Up, person: Person) -> None:
    async with Http(running) as page:
        await connected(page, person)
        delegation = {"chainId": "0x7a69", "address": BOB, "nonce": "0x0"}
        assert await page.code("eth_sendTransaction", {"to": ALICE, "authorizationList": [delegation]}) == 4200
        assert await page.code("eth_sendTransaction", {"to": ALICE, "type": "0x4"}) == 4200


async def test_reads_are_the_nodes_own_answers_and_so_are_its_errors(running: Up) -> None:
    creation = {"data": "0x60006000fd"}
    async with Http(running) as page, aiohttp.ClientSession() as session:
        for method, params in (
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_estimateGas", [creation]),
            ("eth_call", [{"to": "0x1"}]),
        ):
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            async with session.post(running.chain_url, json=request) as response:
                direct = await response.json()
            answer = await page.answer(method, *params)
            assert (answer.get("result"), answer.get("error")) == (direct.get("result"), direct.get("error"))


async def test_batches_notifications_and_a_megabyte(running: Up, person: Person) -> None:
    async with Http(running) as page:
        await connected(page, person)
        batch = [
            {"jsonrpc": "2.0", "id": "a", "method": "eth_chainId"},
            {"jsonrpc": "2.0", "method": "eth_chainId"},
            {"id": 1},
            {"jsonrpc": "2.0", "id": 1.5, "method": "eth_accounts"},
        ]
        answers = await page.post(batch)
        assert [answer["id"] for answer in answers] == ["a", 1, 1.5] and answers[2]["result"] == [ALICE]
        assert answers[1]["error"]["code"] == -32600
        assert await page.ask("web3_sha3", "0x" + "00" * 500_000)
        assert (await page.post([]))["error"]["code"] == -32600
        asking = {"jsonrpc": "2.0", "id": 1, "method": "personal_sign", "params": ["0x00", ALICE]}
        both = asyncio.create_task(page.post([asking, {**asking, "id": 2}]))
        await person.approve("sign_message")
        await person.decline("sign_message")
        first, second = await both
        assert "result" in first and second["error"]["code"] == 4001


async def test_permissions_come_and_go_and_only_their_origin_hears(running: Up, person: Person) -> None:
    async with Socket(running, "https://wagmi.example") as page, Socket(running, "http://wagmi.example") as other:
        for name in ("accountsChanged", "chainChanged", "networkChanged"):
            assert await page.ask("eth_subscribe", name)
            assert await other.ask("eth_subscribe", name)
        asked = asyncio.create_task(page.ask("wallet_requestPermissions", {"eth_accounts": {}}))
        await person.approve("connect")
        (permission,) = await asked
        assert permission["caveats"][0]["value"] == [ALICE]
        assert (await page.event())["params"]["result"] == [ALICE]
        assert await page.ask("wallet_getPermissions") == [permission]
        waiting = asyncio.create_task(page.code("personal_sign", "0x00", ALICE))
        await person.shown("sign_message")
        assert await page.ask("wallet_revokePermissions", {"eth_accounts": {}}) is None
        assert await waiting == 4001  # the account is gone from under it
        assert (await page.event())["params"]["result"] == []
        assert await page.ask("eth_accounts") == [] and await other.ask("eth_accounts") == []
        assert other.events.empty() and page.events.empty()


@contextlib.asynccontextmanager
async def called() -> AsyncIterator[tuple[str, list[object]]]:
    """A port that notes who calls, and hangs up."""
    calls: list[object] = []

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", calls


async def test_chains_are_the_origins_own(running: Up, person: Person) -> None:
    async with Socket(running, "https://chains.example") as page, Http(running, "https://late.example") as other:
        await connected(page, person)
        await connected(other, person)
        for name in ("chainChanged", "networkChanged"):
            await page.ask("eth_subscribe", name)
        assert await page.code("wallet_switchEthereumChain", {"chainId": "0x5"}) == 4902
        assert await page.ask("wallet_switchEthereumChain", {"chainId": "0x7a69"}) is None
        coin = {"name": "Ether", "symbol": "ETH", "decimals": 18}
        new = {"chainId": "0x5", "chainName": "Five", "rpcUrls": [running.chain_url], "nativeCurrency": coin}
        async with called() as (url, calls):
            asking = asyncio.create_task(page.code("wallet_addEthereumChain", {**new, "rpcUrls": [url]}))
            await person.shown("add_chain")
            assert not calls, "a page decides on no host that the client calls"
            await person.decline("add_chain")
            assert await asking == 4001 and not calls
            asking = asyncio.create_task(page.code("wallet_addEthereumChain", {**new, "rpcUrls": [url]}))
            await person.approve("add_chain")
            assert await asking == -32602 and calls, "the person said yes, and no node was there"
        asking = asyncio.create_task(page.code("wallet_addEthereumChain", new))
        await person.approve("add_chain")
        assert await asking == -32602  # its node is on another chain
        assert await page.ask("eth_chainId") == "0x7a69"
        async with Devnet.start("anvil") as five, Node(five.url) as node:
            await node.call("anvil_setChainId", [5])
            asked = asyncio.create_task(page.ask("wallet_addEthereumChain", {**new, "rpcUrls": [five.url]}))
            await person.shown("add_chain")
            again = asyncio.create_task(other.code("wallet_addEthereumChain", new))
            assert await other.ask("eth_chainId") == "0x7a69"  # so the second waits behind the first by now
            prompt = await person.approve("add_chain")
            assert {fact["source"] for fact in prompt["review"]["facts"] if fact["label"] == "node"} == {"claimed"}
            assert await asked is None
            assert await again == -32002, "by now the chain is known by another node than its prompt would name"
            heard = [(await page.event())["params"]["result"] for _name in range(2)]
            assert heard == ["0x5", "5"]
            assert await page.ask("eth_chainId") == "0x5" and await other.ask("eth_chainId") == "0x7a69"
            sending = asyncio.create_task(page.ask("eth_sendTransaction", {"to": BOB, "value": "0x1"}))
            await person.approve("send_transaction")
            assert (await mined(page, await sending))["status"] == "0x1"
            switching = asyncio.create_task(page.ask("wallet_switchEthereumChain", {"chainId": "0x7a69"}))
            await person.shown("switch_chain")
            waiting = asyncio.create_task(page.code("personal_sign", "0x00", ALICE))
            assert await page.ask("eth_chainId") == "0x5"  # so the message waits behind the switch by now
            await person.approve("switch_chain")
            assert await switching is None and await page.ask("net_version") == "31337"
            assert await waiting == 4001  # the chain changed under it


async def test_calls_one_after_another(running: Up, person: Person) -> None:
    async with Http(running) as page, Http(running, "https://else.example") as other:
        await connected(page, person)
        await connected(other, person)
        batch = {"version": "2.0.0", "chainId": "0x7a69", "atomicRequired": False, "id": "mine"}
        batch |= {"calls": [{"to": BOB, "value": "0x1"}, {"to": BOB, "data": "0x"}]}
        asked = asyncio.create_task(page.ask("wallet_sendCalls", batch))
        await person.approve("send_calls")
        assert await asked == {"id": "mine"}
        for _step in range(STEPS_MAX):
            told = await page.ask("wallet_getCallsStatus", "mine")
            if told["status"] != 100:
                break
            await asyncio.sleep(0.02)
        assert (told["status"], told["atomic"], len(told["receipts"])) == (200, False, 2)
        numbers = [int(receipt["blockNumber"], 16) for receipt in told["receipts"]]
        assert numbers == sorted(numbers)
        assert await page.ask("wallet_showCallsStatus", "mine") is None
        assert await page.ask("wallet_getCapabilities", ALICE, ["0x7a69"]) == {
            "0x7a69": {"atomic": {"status": "unsupported"}}
        }
        for change, code in (
            ({}, 5720),
            ({"id": "new", "chainId": "0x9"}, 5710),
            ({"id": "new", "atomicRequired": True}, 5760),
            ({"id": "new", "capabilities": {"x": {}}}, 5700),
            ({"id": "new", "calls": [{"to": BOB}] * 21}, 5740),
            ({"id": "new", "calls": [{"data": "0x60006000fd"}]}, 3),
        ):
            assert await page.code("wallet_sendCalls", {**batch, **change}) == code
        assert await page.code("wallet_getCallsStatus", "none") == 5730
        assert await other.code("wallet_getCallsStatus", "mine") == 5730


async def test_calls_that_only_work_one_after_another_and_a_token_to_watch(running: Up, person: Person) -> None:
    """The second call takes what the first one allows: its gas comes from a simulation of both."""
    async with Http(running) as page, Node(running.chain_url) as node:
        await connected(page, person)
        await deploy(node)
        await mint(node, "DUSD", Address(ALICE), 5)
        token = demo_token("DUSD").address
        assert token is not None
        allow = to_hex(encode_call("approve(address,uint256)", Address(ALICE), 5))
        take = to_hex(encode_call("transferFrom(address,address,uint256)", Address(ALICE), Address(BOB), 5))
        batch: dict[str, Any] = {"version": "2.0.0", "chainId": "0x7a69", "atomicRequired": False}
        assert await page.code("wallet_sendCalls", {**batch, "calls": [{"to": token, "data": take}]}) == 3
        calls = [{"to": token, "data": allow}, {"to": token, "data": take}]
        asked = asyncio.create_task(page.ask("wallet_sendCalls", {**batch, "calls": calls}))
        prompt = await person.approve("send_calls")
        facts = [fact for fact in prompt["review"]["facts"] if "about" in fact]
        assert {fact["about"].partition(".")[0] for fact in facts} == {"1", "2"}
        assert [f["about"] for f in facts if f["value"] == "eth_simulateV1"] == ["1", "2"], "one after the other"
        assert [(f["value"], f["about"]) for f in facts if f["label"] == "goes"] == [("0.000005 DUSD", f"2.{token}")]
        number = (await asked)["id"]
        for _step in range(STEPS_MAX):
            told = await page.ask("wallet_getCallsStatus", number)
            if told["status"] != 100:
                break
            await asyncio.sleep(0.02)
        assert (told["status"], len(told["receipts"])) == (200, 2)

        asset = {"type": "ERC20", "options": {"address": token, "symbol": "DUSD", "decimals": "6"}}
        wrong = {"type": "ERC20", "options": {**asset["options"], "decimals": 18}}  # type: ignore[dict-item]  # a dict
        assert await page.code("wallet_watchAsset", wrong) == -32602
        request = {"jsonrpc": "2.0", "id": 1, "method": "wallet_watchAsset", "params": asset}  # an object, as pages do
        watching = asyncio.create_task(page.post(request))
        await person.approve("watch_asset")
        assert (await watching)["result"] is True


async def test_a_batch_is_held_against_its_receipts_call_by_call(running: Up, person: Person) -> None:
    """The second call's code changes after the yes: it fails, which was not foreseen, and the third is never sent."""
    contract = "0x00000000000000000000000000000000c0ffee01"
    async with Http(running) as page, Node(running.chain_url) as node:
        await connected(page, person)
        await node.call("anvil_setCode", [contract, "0x00"])
        calls = [{"to": BOB, "value": "0x1"}, {"to": contract, "data": "0x12345678"}, {"to": BOB, "value": "0x1"}]
        batch = {"version": "2.0.0", "chainId": "0x7a69", "atomicRequired": False, "calls": calls}
        before = len((await running.tandem("approvals"))["surprises"])
        asked = asyncio.create_task(page.ask("wallet_sendCalls", batch))
        prompt = await person.shown("send_calls")
        await node.call("anvil_setCode", [contract, "0x60006000fd"])
        await person.answer(prompt, "approve", prompt["digest"])
        number = (await asked)["id"]
        for _step in range(STEPS_MAX):
            surprises = (await running.tandem("approvals"))["surprises"][before:]
            if len(surprises) == 2:
                break
        status = await page.ask("wallet_getCallsStatus", number)
        assert (status["status"], [one["status"] for one in status["receipts"]]) == (600, ["0x1", "0x0"])
        failed, unsent = surprises
        assert failed["transaction"] == status["receipts"][1]["transactionHash"]
        assert {(fact["label"], fact["value"]) for fact in failed["facts"]} == {("foreseen", "success")}
        assert [(fact["label"], fact["value"]) for fact in unsent["facts"]] == [
            ("unsent", "the batch stopped before it")
        ]
        assert await page.ask("eth_getTransactionByHash", unsent["transaction"]) is None


async def test_subscriptions(running: Up, person: Person) -> None:
    async with Socket(running) as page, Node(running.chain_url) as node:
        heads = await page.ask("eth_subscribe", "newHeads")
        logs = await page.ask("eth_subscribe", "logs", {"address": BOB})
        assert await page.code("eth_subscribe", "newPendingTransactions") == 4200
        await node.call("anvil_mine", ["0x2"])
        told = [await page.event() for _block in range(2)]
        assert {event["params"]["subscription"] for event in told} == {heads}
        first, second = (int(event["params"]["result"]["number"], 16) for event in told)
        assert second == first + 1 and "transactions" not in told[0]["params"]["result"]
        assert await page.ask("eth_unsubscribe", heads) is True
        assert await page.code("eth_unsubscribe", heads) == -32001
        assert await page.ask("eth_unsubscribe", logs) is True


async def test_a_paired_program_and_a_process(running: Up, person: Person) -> None:
    assert (await running.tandem("pair", "Hardhat"))["slug"] == "input-malformed"
    paired = await running.tandem("pair", "hardhat")
    assert paired["url"] == running.door + "/p/hardhat"
    async with Http(running, None, "/p/hardhat") as program, Http(running, None) as process:
        asked = asyncio.create_task(program.ask("eth_requestAccounts"))
        prompt = await person.approve("connect")
        assert prompt["origin"] == "program:hardhat"
        assert prompt["client"]["process"]["executable"].rpartition("/")[2].startswith("python")
        assert await asked == [ALICE]
        assert await process.ask("eth_accounts") == []
    listed = await running.tandem("grants")
    assert "program:hardhat" in [row["client"] for row in listed["grants"]]
    assert await running.tandem("grants", "revoke", "hardhat") == {"revoked": "program:hardhat"}
    async with aiohttp.ClientSession() as session, session.post(paired["url"], json={}) as response:
        assert response.status == 404


CHILD = """
import json, sys, urllib.request
for line in sys.stdin:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": line.strip(), "params": []}).encode()
    asked = urllib.request.Request(sys.argv[1], body, {"Content-Type": "application/json"})
    print(urllib.request.urlopen(asked).read().decode(), flush=True)
"""


async def test_a_processs_grant_ends_with_it(running: Up, person: Person) -> None:
    command = (sys.executable, "-c", CHILD, running.door)
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(b"eth_requestAccounts\n")
    prompt = await person.approve("connect")
    assert prompt["client"]["process"]["pid"] == child.pid
    assert json.loads(await child.stdout.readline())["result"] == [ALICE]
    child.stdin.write(b"eth_accounts\n")  # another connection of the same process
    assert json.loads(await child.stdout.readline())["result"] == [ALICE]
    key = prompt["origin"]
    assert key in [row["client"] for row in (await running.tandem("grants"))["grants"]]
    child.stdin.close()
    await child.wait()
    assert key not in [row["client"] for row in (await running.tandem("grants"))["grants"]]


async def test_the_extension_pairs_and_speaks_for_pages(running: Up, person: Person) -> None:
    async with Extension(running) as extension:
        assert await extension.said(type="pair", code="000000") == {"type": "refused", "reason": "no-code"}
        assert await extension.hear() is None
    code = (await running.tandem("pair", "--extension"))["code"]
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    async with Extension(running) as extension:
        assert await extension.said(type="pair", code=wrong) == {"type": "refused", "reason": "code"}
        paired = await extension.said(type="pair", code=code)
        assert paired["type"] == "paired" and len(paired["token"]) == 43
    async with Extension(running, EXTENSION[:-1] + "a") as thief:
        assert await thief.said(type="hello", token=paired["token"]) == {"type": "refused", "reason": "token"}
    async with Extension(running) as extension, Http(running, "https://ext.example") as page:
        assert (
            await extension.said(type="open", port="1", origin=PAGE) == {"type": "refused", "reason": "token"} or True
        )
    async with Extension(running) as extension, Http(running, "https://ext.example") as page:
        assert await extension.said(type="hello", token=paired["token"]) == {"type": "welcome"}
        opened = await extension.said(type="open", port="1", origin="https://ext.example")
        assert (opened["type"], opened["chainId"], opened["accounts"]) == ("opened", "0x7a69", [])
        assert (await extension.hear())["name"] == "connect"
        for origin in ("null", "chrome-extension://x", "https://ext.example/", "ext.example"):
            refused = await extension.said(type="open", port="2", origin=origin)
            assert refused == {"type": "refused", "port": "2", "reason": "origin"}
        await extension.rpc("1", "eth_requestAccounts")
        assert (await person.approve("connect"))["origin"] == "https://ext.example"
        heard = [await extension.hear(), await extension.hear()]
        assert {"type": "event", "port": "1", "name": "accountsChanged", "data": [ALICE]} in heard
        assert [one["message"]["result"] for one in heard if one["type"] == "rpc"] == [[ALICE]]
        assert await page.ask("eth_accounts") == [ALICE]  # the same origin, asked directly
        assert await extension.said(type="ping") == {"type": "pong"}
        assert (await extension.said(type="rpc", port="9", message={}))["reason"] == "malformed"
        await extension.rpc("1", "personal_sign", "0x00", ALICE)
        await person.shown("sign_message")
        await extension.say(type="close", port="1")
        await nothing_waits(person)
        await running.tandem("grants", "revoke", EXTENSION)
        assert await extension.hear() is None
    async with Extension(running) as extension:
        assert await extension.said(type="hello", token=paired["token"]) == {"type": "refused", "reason": "token"}


async def test_three_wrong_tries_end_the_code(running: Up) -> None:
    code = (await running.tandem("pair", "--extension"))["code"]
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    async with Extension(running) as extension:
        said = [(await extension.said(type="pair", code=wrong))["reason"] for _try in range(3)]
        assert said == ["code", "code", "no-code"]
    async with Extension(running) as extension:
        assert (await extension.said(type="pair", code=code))["reason"] == "no-code"


async def test_answers_from_another_terminal(running: Up, person: Person) -> None:
    async with Http(running) as page:
        await connected(page, person)
        asked = asyncio.create_task(page.answer("eth_sendTransaction", {"to": BOB, "value": "0x1"}))
        prompt = await person.shown("send_transaction")
        listed = await running.tandem("approvals")
        assert [one["id"] for one in listed["approvals"]] == [prompt["id"]]
        assert (await running.tandem("approve", "ffffffff", "--yes"))["slug"] == "approval-unknown"
        assert (await running.tandem("approve", prompt["id"]))["slug"] == "terminal-needed"
        done = await running.tandem("approve", prompt["id"], "--yes")
        if prompt["warnings"]:
            assert done["slug"] == "yes-refused"
            assert (await running.tandem("decline", prompt["id"]))["state"] == "declined"
            assert (await asked)["error"]["code"] == 4001
        else:
            assert done["state"] == "approved" and "result" in await asked


async def test_a_locked_wallet_waits_for_its_keys(running: Up, person: Person) -> None:
    async with Http(running) as page:
        await connected(page, person)
        assert (await running.tandem("lock"))["was_unlocked"] is True
        assert await page.ask("eth_accounts") == [ALICE]
        asked = asyncio.create_task(page.ask("personal_sign", "0x02", ALICE))
        prompt = await person.shown("sign_message")
        status, problem = await person.answer(prompt, "approve", prompt["digest"])
        assert (status, problem["slug"]) == (409, "signer-locked")
        assert (await running.tandem("unlock"))["unlocked"] is True
        await person.approve("sign_message")
        assert await asked


async def test_what_another_command_changes_is_heard_by_who_has_no_grant(running: Up, person: Person) -> None:
    async with Socket(running, "https://guest.example") as guest, Http(running) as page:
        await connected(page, person)
        await guest.ask("eth_subscribe", "chainChanged")
        await running.tandem("networks", "add", "77", "Other", running.chain_url)
        await running.tandem("networks", "use", "77")
        assert (await guest.event())["params"]["result"] == "0x4d"
        assert await page.ask("eth_chainId") == "0x7a69"  # a page with a grant stays on its own chain
        assert await guest.code("eth_blockNumber") == 4901  # the node is on another chain than it is said to be
        await running.tandem("networks", "use", "31337")
        assert (await guest.event())["params"]["result"] == "0x7a69"


async def test_a_second_client_and_a_taken_port_are_said(running: Up, tmp_path: Path) -> None:
    assert (await running.tandem("up"))["slug"] == "door-taken"
    settings = environment(tmp_path / "home", running.chain_url)
    async with up(tmp_path / "home", running.chain_url) as other:
        pass
    other.environment = settings | {"TANDEM_DAPP_LISTEN": f"127.0.0.1:{running.port}"}
    assert (await other.tandem("up"))["slug"] == "listen-refused"
    other.environment = settings | {"TANDEM_CONTROL_LISTEN": "0.0.0.0:0"}
    assert (await other.tandem("up"))["slug"] == "setting-refused"
    other.environment = settings
    assert (await other.tandem("up", "--settle", "0"))["field"] == "settle", "half a second is for everybody"
    assert (await other.tandem("approvals"))["slug"] == "client-not-up"
    assert (await other.tandem("pair", "forge"))["slug"] == "client-not-up"  # at which port, nobody knows yet
    other.environment = settings | {"TANDEM_DAPP_LISTEN": "127.0.0.1:1248"}
    assert (await other.tandem("pair", "forge"))["url"] == "http://127.0.0.1:1248/p/forge"
    assert (await other.tandem("grants", "revoke", "forge"))["revoked"] == "program:forge"
    assert (await other.tandem("grants"))["grants"] == []


async def test_everything_that_waits_is_listed_and_only_the_first_is_told_in_full(running: Up, person: Person) -> None:
    async with Http(running) as page, Socket(running, "https://guest.example") as guest:
        await connected(page, person)
        signing = asyncio.create_task(page.code("personal_sign", "0x01", ALICE))
        first = await person.shown("sign_message")
        asking = asyncio.create_task(guest.code("eth_requestAccounts"))
        for _step in range(STEPS_MAX):
            if len(waiting := await person.approvals()) == 2:
                break
            await asyncio.sleep(0.02)
        assert waiting[0]["digest"] == first["digest"] and waiting[0]["age_seconds"] >= 0
        told = {name: value for name, value in waiting[1].items() if value not in (None, [])}
        assert set(told) == {"id", "state", "kind", "origin", "age_seconds"}
        assert [one["state"] for one in waiting] == ["shown", "waiting"]
        assert (told["kind"], told["origin"]) == ("connect", "https://guest.example")
        seen = await running.tandem("approvals")
        assert [one["id"] for one in (*seen["approvals"], *seen["behind"])] == [one["id"] for one in waiting]
        assert (await person.answer(waiting[1], "approve", first["digest"]))[0] == 404, "its turn has not come"
        await person.decline("sign_message")
        await person.decline("connect")
        assert (await signing, await asking) == (4001, 4001)


async def test_a_grant_covers_the_accounts_that_the_yes_names_in_the_persons_order(running: Up, person: Person) -> None:
    own = [one["address"] for one in (await running.tandem("accounts", "add"))["accounts"]]
    assert own[0].lower() == ALICE and len(own) == 2
    async with Socket(running, "https://several.example") as page:
        asking = asyncio.create_task(page.ask("eth_requestAccounts"))
        prompt = await person.shown("connect")
        assert prompt["offered"] == own, "the first is in the review, all are offered"
        assert [f["value"] for f in prompt["review"]["facts"] if f["label"] == "key"] == own[:1]
        for accounts in ([BOB[:-1] + "9"], ["0x" + "77" * 20], "all"):
            assert (await person.answer(prompt, "approve", prompt["digest"], accounts))[0] == 422
            assert (await person.answer(prompt, "choose", accounts=accounts))[0] == 422
        refused, problem = await person.answer(prompt, "approve", prompt["digest"], own)
        assert (refused, problem["slug"]) == (409, "digest-differs"), "the digest that was seen names the first alone"
        chosen = (await person.answer(prompt, "choose", accounts=own[::-1]))[1]
        assert [f["value"] for f in chosen["review"]["facts"] if f["label"] == "key"] == own
        assert chosen["id"] == prompt["id"] and chosen["digest"] != prompt["digest"]
        assert (await person.answer(prompt, "approve", prompt["digest"]))[0] == 409, "what was seen before is over"
        assert (await person.answer(chosen, "approve", chosen["digest"], own[:1]))[0] == 409
        assert (await person.answer(chosen, "approve", chosen["digest"], own))[0] == 200
        assert await asking == [one.lower() for one in own], "in the person's order, whichever it was named in"
        assert await page.ask("eth_accounts") == await asking and await page.ask("eth_coinbase") == ALICE
        signing = asyncio.create_task(page.ask("personal_sign", "0x6869", own[1]))
        prompt = await person.shown("sign_message")
        refused, problem = await person.answer(prompt, "approve", prompt["digest"], own)
        assert (refused, problem["slug"]) == (409, "approval-refused"), "a message asks for no accounts"
        assert (await person.answer(prompt, "choose", accounts=own))[0] == 409
        await person.approve("sign_message")
        assert Account.recover_message(encode_defunct(b"hi"), signature=await signing) == own[1]
    async with Http(running, "https://another.example") as page:
        asking = asyncio.create_task(page.ask("eth_requestAccounts"))
        prompt = await person.shown("connect")
        agreed = await running.tandem("approve", prompt["id"], "--account", own[1], "--yes")
        assert agreed["state"] == "approved" and await asking == [own[1].lower()]
        signing = asyncio.create_task(page.code("personal_sign", "0x6869", own[1]))
        prompt = await person.shown("sign_message")
        refused = await running.tandem("approve", prompt["id"], "--account", own[1], "--yes")
        assert refused["slug"] == "approval-refused", "nothing but a connection has accounts to choose"
        await person.decline("sign_message")
        assert await signing == 4001
    async with Http(running, "https://first.example") as page:
        asking = asyncio.create_task(page.ask("eth_requestAccounts"))
        await person.approve("connect")
        assert await asking == [ALICE], "the first stays the default"
