"""The door, end to end: a real `tandem up`, a real chain, and clients that connect, sign, send and are declined."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

from tests.flows.door_client import ALICE, BOB, PAGE, Http, Person, Up, anvil_and_up

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


async def connected(page: Http, person: Person) -> list[str]:
    asked = asyncio.create_task(page.ask("eth_requestAccounts"))
    if not asked.done() and not await page.ask("eth_accounts"):
        await person.approve("connect")
    return await asked


async def test_before_a_grant_nothing_is_read_and_nobody_is_asked(running: Up, person: Person) -> None:
    async with Http(running, "https://new.example") as page:
        assert await page.ask("eth_accounts") == []
        assert await page.ask("eth_coinbase") is None
        assert await page.ask("wallet_getPermissions") == []
        assert await page.ask("eth_chainId") == "0x7a69"
        assert await page.ask("net_version") == "31337"
        for method, params in (
            ("personal_sign", ["0x00", ALICE]),
            ("personal_sign", []),
            ("eth_signTypedData_v4", [ALICE, TYPED]),
            ("eth_sendTransaction", [{"to": BOB}]),
            ("wallet_sendCalls", [{}]),
            ("wallet_getCapabilities", [ALICE]),
            ("wallet_switchEthereumChain", [{"chainId": "0x1"}]),
            ("wallet_addEthereumChain", [{}]),
            ("wallet_watchAsset", [{}]),
        ):
            code = await page.code(method, *params)
            assert code == 4100 or (method == "wallet_getCapabilities" and code == 4100), method
        assert await person.approvals() == []


async def test_connect_sign_and_send(running: Up, person: Person) -> None:
    async with Http(running) as page:
        assert await connected(page, person) == [ALICE]
        assert await page.ask("eth_accounts") == [ALICE]

        signing = asyncio.create_task(page.ask("personal_sign", "0x68690a", ALICE))
        prompt = await person.approve("sign_message")
        assert prompt["origin"] == PAGE
        assert Account.recover_message(encode_defunct(b"hi\n"), signature=await signing).lower() == ALICE
        assert await page.ask("personal_ecRecover", "0x68690a", await signing) == ALICE

        signing = asyncio.create_task(page.ask("eth_signTypedData_v4", ALICE, json.dumps(TYPED)))
        await person.approve("sign_typed_data")
        assert Account.recover_message(encode_typed_data(full_message=TYPED), signature=await signing).lower() == ALICE

        sending = asyncio.create_task(page.ask("eth_sendTransaction", {"from": ALICE, "to": BOB, "value": "0x1"}))
        await person.approve("send_transaction")
        receipt = await page.ask("eth_getTransactionReceipt", await sending)
        assert receipt["status"] == "0x1" and receipt["to"] == BOB.lower()
