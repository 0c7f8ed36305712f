"""A policy, end to end: a page, a real `tandem up`, a real chain; what is allowed, asked and denied, and who signs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_typed_data

from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import Devnet, deploy, mint
from chain.node import Node
from chain.quantity import to_hex
from tests.flows.door_client import ALICE, BOB, PAGE, PASSWORD, Http, Person, Up, up
from tests.flows.test_door import connected, mined, nothing_waits
from tests.wallet.policies import DOLLAR, DUSD, STRANGER, transaction
from tests.wallet.test_review_typed_data import permit
from wallet.errors import PasswordNeeded, VaultChanged, VaultUnopened
from wallet.signing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain() -> AsyncIterator[Devnet]:
    async with Devnet.start("anvil") as devnet, Node(devnet.url) as node:
        await deploy(node)
        await mint(node, "DUSD", Address(ALICE), 1000 * DOLLAR)
        yield devnet


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(chain: Devnet, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    async with up(
        tmp_path_factory.mktemp("policy") / "home", chain.url, "--token-approves", "--settle", "0"
    ) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def person(running: Up) -> AsyncIterator[Person]:
    async with Person(running) as answering:
        yield answering


def paying(dollars: int, to: str = BOB) -> dict[str, str]:
    assert DUSD.address is not None
    data = encode_call("transfer(address,uint256)", Address(to), dollars * DOLLAR)
    return {"from": ALICE, "to": DUSD.address, "data": to_hex(data)}


async def add(running: Up, *words: str) -> Any:
    return (await running.tandem("policy", "add", *words))["rule"]


async def allow_twenty_a_day(running: Up) -> Any:
    kinds = ("--kind", "send_transaction", "--kind", "sign_typed_data")
    return await add(running, "allow", "--client", PAGE, *kinds, "--up-to", "10 DUSD", "--a-day", "20 DUSD")


async def send(page: Http, dollars: int, to: str = BOB) -> Any:
    return await mined(page, await page.ask("eth_sendTransaction", paying(dollars, to)))


async def test_always_makes_a_rule_as_narrow_as_the_request(running: Up, person: Person) -> None:
    """The first test: there is no rule yet."""
    async with Http(running) as page:
        connecting = asyncio.create_task(page.ask("eth_requestAccounts"))
        prompt = await person.shown("connect")
        refused = await running.tandem("approve", prompt["id"], "--always", "--yes")
        assert prompt["always"] is None and refused["slug"] == "approval-refused"
        assert "no rule can be made of it" in refused["detail"]
        await person.answer(prompt, "approve", prompt["digest"])
        await connecting
        asked = asyncio.create_task(page.ask("eth_sendTransaction", paying(3)))
        prompt = await person.shown("send_transaction")
        assert prompt["always"]["recipients"] == [BOB] and not prompt["needs_password"]
        assert (await person.answer(prompt, "approve", prompt["digest"], always=True))[0] == 403
        unseen = await running.tandem("approve", prompt["id"], "--always")
        assert (unseen["slug"], unseen["rule"]) == ("rule-unseen", prompt["always"]), "the rule is shown first"
        assert unseen["digest"] == prompt["always_digest"] and (await person.shown())["id"] == prompt["id"]
        assert (await running.tandem("approve", prompt["id"], "--always", "--yes"))["slug"] == "yes-refused"
        assert (await person.answer(prompt, "approve", prompt["digest"], always=True, password=PASSWORD))[0] == 200
        assert (await mined(page, await asked))["status"] == "0x1"
        assert (await send(page, 3))["status"] == "0x1"
        other = asyncio.create_task(page.code("eth_sendTransaction", paying(3, STRANGER)))
        assert (await person.decline("send_transaction"))["policy"]["reason"] == "no-rule"
        assert await other == 4001
        await running.tandem("policy", "remove", "r1")

        signing = asyncio.create_task(page.ask("personal_sign", "0x6869", ALICE))
        prompt = await person.shown("sign_message")
        assert (await running.tandem("approve", prompt["id"], "--always"))["slug"] == "rule-unseen"
        kept = await running.tandem("approve", prompt["id"], "--always", "--yes")
        assert (kept["state"], kept["rule"], kept["rule_digest"]) == (
            "approved",
            prompt["always"],
            prompt["always_digest"],
        )
        assert await signing == await page.ask("personal_sign", "0x6869", ALICE), "and nobody is asked any more"
        await running.tandem("policy", "remove", "r2")


async def test_a_batch_is_counted_as_a_whole_and_one_password_signs_it(running: Up, person: Person) -> None:
    calls = [{"to": paying(4)["to"], "data": paying(4)["data"]}, {"to": paying(5)["to"], "data": paying(5)["data"]}]
    batch = {"version": "2.0.0", "chainId": "0x7a69", "atomicRequired": False, "calls": calls}

    async def done(page: Http, number: str) -> Any:
        for _step in range(6000):
            status = await page.ask("wallet_getCallsStatus", number)
            if status["status"] != 100:
                return status["status"]
            await asyncio.sleep(0.02)
        raise AssertionError("still pending")

    async with Http(running) as page:
        await connected(page, person)
        limit = ("--a-day", "9 DUSD")  # what the node foresees of both calls is within it
        rule = await add(running, "allow", "--client", PAGE, "--kind", "send_calls", *limit)
        assert await done(page, (await page.ask("wallet_sendCalls", batch))["id"]) == 200
        asked = asyncio.create_task(page.ask("wallet_sendCalls", batch))
        prompt = await person.shown("send_calls")
        assert prompt["policy"]["reason"] == "over-a-day"
        assert (await person.answer(prompt, "approve", prompt["digest"], password=PASSWORD))[0] == 200
        assert await done(page, (await asked)["id"]) == 200
        await running.tandem("policy", "remove", rule["id"])


async def test_allowed_counted_asked_and_denied(running: Up, person: Person) -> None:
    async with Http(running) as page:
        await connected(page, person)
        rule = await allow_twenty_a_day(running)
        assert (rule["chain"], rule["fees_a_day"]) == (31337, str(10**16))

        # Within the rule nobody is asked, neither for a payment nor for the permit that is as good as one.
        assert (await send(page, 5))["status"] == "0x1"
        document = permit(value=str(10 * DOLLAR), spender=BOB)
        signature = await page.ask("eth_signTypedData_v4", ALICE, json.dumps(document))
        assert Account.recover_message(encode_typed_data(full_message=document), signature=signature).lower() == ALICE
        assert await person.approvals() == []

        # 5 + 10 + 6 would be over the day's amount: the person is asked, and their yes wants the password.
        asked = asyncio.create_task(page.ask("eth_sendTransaction", paying(6)))
        prompt = await person.shown("send_transaction")
        assert prompt["needs_password"] and prompt["policy"]["reason"] == "over-a-day"
        for password, slug in (({}, "password-needed"), ({"password": "wrong horse battery"}, "vault-unopened")):
            status, problem = await person.answer(prompt, "approve", prompt["digest"], **password)
            assert (status, problem["slug"]) == (403, slug)
        assert (await person.answer(prompt, "approve", prompt["digest"], password=PASSWORD))[0] == 200
        assert (await mined(page, await asked))["status"] == "0x1"

        # What is denied is 4001, and nobody is asked.
        await add(running, "deny", "--client", "*", "--recipient", STRANGER)
        assert await page.code("eth_sendTransaction", paying(1, STRANGER)) == 4001
        await nothing_waits(person)
        assert (await send(page, 5))["status"] == "0x1"

        tried = (await running.tandem("policy", "test"))["requests"][-5:]
        assert [(one["was"], one["would_be"]["verdict"]) for one in tried[-2:]] == [("deny", "deny"), ("allow", "ask")]
        kinds = ("--kind", "send_transaction", "--kind", "sign_typed_data")
        wider = ("allow", "--client", PAGE, *kinds, "--a-day", "100 DUSD")
        tried = (await running.tandem("policy", "test", *wider))["requests"][-5:]
        assert [one["would_be"]["verdict"] for one in tried] == ["allow", "allow", "allow", "deny", "allow"]
        log = await running.tandem("policy", "log")
        assert log["whole"] and [e["verdict"] for e in log["entries"] if e["event"] == "decision"][-5:] == [
            "allow", "allow", "ask", "deny", "allow",
        ]  # fmt: skip
        used = (await running.tandem("policy", "show", rule["id"]))["used"]
        assert used[DUSD.address] == str(20 * DOLLAR)


async def test_after_a_restart_the_day_goes_on(running: Up, chain: Devnet) -> None:
    running.process.terminate()
    await running.process.wait()
    async with (
        up(running.home, chain.url, "--token-approves", "--settle", "0") as again,
        Person(again) as there,
        Http(again) as page,
    ):
        asked = asyncio.create_task(page.code("eth_sendTransaction", paying(1)))
        assert (await there.decline("send_transaction"))["policy"]["reason"] == "over-a-day"
        assert await asked == 4001
        await a_program_of_the_same_user(again)


async def a_program_of_the_same_user(running: Up) -> None:
    """It signs nothing beyond the policy, nor would a daemon that was taken over: neither has the password."""
    request = transaction()
    async with await Signer.connect(running.home) as signer:
        with pytest.raises(PasswordNeeded):
            await signer.sign_transaction(request.unsigned_payload, Address(ALICE), request.signing_hash)
        refused = await signer.forward({"call": "permit", "with": {}})
        assert refused["error"] == "call-refused"
    vault = running.home / "vault.json"
    document = json.loads(vault.read_text())
    document["policy"]["rules"][0]["client"] = "tandem"
    vault.write_text(json.dumps(document))
    async with await Signer.connect(running.home) as signer:
        with pytest.raises((VaultChanged, VaultUnopened)):
            await signer.sign_transaction(request.unsigned_payload, Address(ALICE), request.signing_hash)
