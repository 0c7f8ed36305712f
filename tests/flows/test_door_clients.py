"""Clients as people have them: web3.py by HTTP and WebSocket, viem and ethers in Node, and a person at a terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import pytest_asyncio
from eth_account import Account
from eth_account.messages import encode_defunct
from web3 import AsyncHTTPProvider, AsyncWeb3, WebSocketProvider

from chain.devnet import Devnet
from tests.flows.door_client import ALICE, BOB, PASSWORD, Http, Person, Up, anvil_and_up, environment, up

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = Path(__file__).resolve().parents[2]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    async with anvil_and_up(tmp_path_factory.mktemp("clients")) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def person(running: Up) -> AsyncIterator[Person]:
    async with Person(running) as answering:
        yield answering


async def uses_the_wallet(web3: AsyncWeb3[Any], person: Person) -> None:
    """Connects, signs, sends and is declined, all by web3.py's own methods."""
    if not await web3.eth.accounts:
        asked = asyncio.create_task(web3.provider.make_request("eth_requestAccounts", []))  # type: ignore[arg-type]  # web3 knows no such method
        await person.approve("connect")
        assert (await asked)["result"] == [ALICE]
    (account,) = await web3.eth.accounts
    assert account.lower() == ALICE and await web3.eth.chain_id == 31337

    signing = asyncio.create_task(web3.provider.make_request("personal_sign", ["0x6869", ALICE]))  # type: ignore[arg-type]  # the same
    await person.approve("sign_message")
    signature = (await signing)["result"]
    assert Account.recover_message(encode_defunct(b"hi"), signature=signature) == account

    sending = asyncio.create_task(web3.eth.send_transaction({"from": account, "to": BOB, "value": 1}))
    await person.approve("send_transaction")
    receipt = await web3.eth.wait_for_transaction_receipt(await sending)
    assert receipt["status"] == 1 and receipt["from"] == account

    sending = asyncio.create_task(web3.eth.send_transaction({"from": account, "to": BOB, "value": 1}))
    await person.decline("send_transaction")
    with pytest.raises(Exception, match="declined") as caught:
        await sending
    assert caught.value.rpc_response["error"]["code"] == 4001  # type: ignore[attr-defined]  # web3's own error has it


async def test_web3_py_by_http(running: Up, person: Person) -> None:
    provider = AsyncHTTPProvider(running.door)
    try:
        await uses_the_wallet(AsyncWeb3(provider), person)
    finally:
        await provider.disconnect()


async def test_web3_py_by_websocket(running: Up, person: Person) -> None:
    async with AsyncWeb3(WebSocketProvider(running.websocket + "/")) as web3:
        await uses_the_wallet(web3, person)
        await web3.eth.subscribe("newHeads")
        sending = asyncio.create_task(web3.eth.send_transaction({"to": BOB, "value": 1}))
        await person.approve("send_transaction")
        number = (await web3.eth.wait_for_transaction_receipt(await sending))["blockNumber"]
        async for message in web3.socket.process_subscriptions():
            assert message["result"]["number"] <= number
            if message["result"]["number"] == number:
                break


@pytest.mark.parametrize("library", ["viem", "ethers"])
async def test_libraries_in_node(library: str, running: Up, person: Person) -> None:
    """They connect, sign, send and are declined as they do in a page; each verifies with its own verifier."""
    script = Path(__file__).with_name(f"door_{library}.mjs")
    process = await asyncio.create_subprocess_exec(
        "node", str(script), running.door, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    ended = asyncio.create_task(process.communicate())
    for kind in ("connect", "sign_message", "sign_typed_data", "send_transaction"):
        await person.approve(kind)
    await person.decline("send_transaction")
    stdout, stderr = await ended
    assert process.returncode == 0, stderr.decode()
    assert stdout.decode().split() == ["connected", "signed", "typed", "sent", "declined"]


async def test_cast_as_a_paired_program(running: Up, person: Person) -> None:
    """Each run of cast is another process: the name that it was paired under keeps the grant."""
    paired = await running.tandem("pair", "cast")
    async with Http(running, None, "/p/cast") as program:
        asked = asyncio.create_task(program.ask("eth_requestAccounts"))
        await person.approve("connect")
        await asked
    assert await cast("block-number", "--rpc-url", paired["url"])
    sending = asyncio.create_task(
        cast("send", BOB, "--value", "1", "--from", ALICE, "--unlocked", "--rpc-url", paired["url"], "--json")
    )
    prompt = await person.approve("send_transaction")
    assert prompt["client"]["process"]["name"] == "cast"
    assert json.loads(await sending)["status"] == "0x1"


async def cast(*arguments: str) -> str:
    (program,) = ROOT.glob("node_modules/@foundry-rs/cast-*/bin/cast")
    quiet = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(str(program), *arguments, **quiet)
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    return stdout.decode().strip()


async def test_hardhat_has_the_door_as_its_network(running: Up, person: Person) -> None:
    paired = await running.tandem("pair", "hardhat")
    settings = {
        **{name: running.environment[name] for name in ("PATH", "LANG")},
        "HOME": str(running.home),
        "DOOR_URL": paired["url"],
        "HARDHAT_CONFIG": str(Path(__file__).with_name("door_hardhat.config.cjs")),
        "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
    }
    script = str(Path(__file__).with_name("door_hardhat.cjs"))
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec("node", script, cwd=ROOT, env=settings, **pipes)
    ended = asyncio.create_task(process.communicate())
    assert (await person.approve("connect"))["client"]["name"] == "hardhat"
    await person.approve("send_transaction")
    await person.decline("send_transaction")
    stdout, stderr = await ended
    assert (process.returncode, stdout.decode().split()) == (0, ["connected", "sent", "declined"]), stderr.decode()


async def test_a_request_that_is_broken_off_is_withdrawn(running: Up, person: Person) -> None:
    async with Http(running, "https://brief.example") as page:
        asked = asyncio.create_task(page.ask("eth_requestAccounts"))
        await person.shown("connect")
        asked.cancel()
    for _step in range(6000):
        if not await person.approvals():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("a prompt outlived its request")


async def test_a_person_at_a_terminal(tmp_path: Path) -> None:
    """Live in `tandem up`: what is asked appears, and is answered by a line; what was typed before does not count."""
    async with Devnet.start("anvil") as devnet:
        home = tmp_path / "home"
        async with up(home, devnet.url):
            pass  # makes the vault
        settings = environment(home, devnet.url)
        del settings["TANDEM_PASSWORD_FILE"]
        program = str(Path(sys.executable).with_name("tandem"))
        screen = pexpect.spawn(program, ["up"], env=settings, encoding="utf-8", dimensions=(60, 160), timeout=60)
        try:
            await screen.expect("Password: ", async_=True)
            screen.sendline(PASSWORD)
            await screen.expect(r"dApps: (http://127\.0\.0\.1:\d+) and", async_=True)
            door = screen.match.group(1)
            await screen.expect("Ctrl-C ends", async_=True)
            await answers_live(screen, door)
            screen.sendintr()
            await screen.expect(pexpect.EOF, async_=True)
        finally:
            screen.close(force=True)
        assert screen.exitstatus == 0


async def answers_live(screen: Any, door: str) -> None:
    page = Http.at(door)
    async with page:
        asked = asyncio.create_task(page.ask("eth_requestAccounts"))
        await screen.expect("wants to see your account", async_=True)
        screen.sendline(
            "n"
        )  # typed too early: the prompt has only just appeared, and this was meant for something else
        await screen.expect("Agree", async_=True)
        screen.sendline("y")
        await screen.expect("Agreed", async_=True)
        assert await asked == [ALICE]
        asked = asyncio.create_task(page.code("personal_sign", "0x6869", ALICE))
        await screen.expect("about to sign a message", async_=True)
        await screen.expect("Agree", async_=True)
        screen.sendline("")
        await screen.expect("Declined", async_=True)
        assert await asked == 4001
        for typed, outcome in (("y", "Declined"), ("blind", "Agreed")):
            asked = asyncio.create_task(page.answer("eth_sendTransaction", {"to": BOB, "data": "0xdeadbeef00"}))
            await screen.expect("Type .blind. to go on", async_=True)
            screen.sendline(typed)
            await screen.expect(outcome, async_=True)
            assert ("result" in await asked) is (typed == "blind")
        await always_live(screen, page)


async def always_live(screen: Any, page: Http) -> None:
    """`a` makes a rule, for one who gives the password; then the next is not asked, and what is beyond wants more."""
    asked = asyncio.create_task(page.ask("personal_sign", "0x6869", ALICE))
    await screen.expect("N/a", async_=True)
    screen.sendline("a")
    await screen.expect("Password: ", async_=True)
    screen.sendline("wrong horse battery")
    await screen.expect("did not open", async_=True)
    assert "wrong horse" not in screen.before, "what is typed is not shown"
    await screen.expect("N/a", async_=True)
    screen.sendline("a")
    await screen.expect("Password: ", async_=True)
    screen.sendline(PASSWORD)
    await screen.expect("Agreed", async_=True)
    signature = await asked
    assert await page.ask("personal_sign", "0x6869", ALICE) == signature
    await screen.expect("allowed by r1: messages", async_=True)
    beyond = asyncio.create_task(page.answer("eth_sendTransaction", {"to": BOB, "value": "0x1"}))
    await screen.expect("no rule is for it", async_=True)
    await screen.expect("Agree", async_=True)
    screen.sendline("y")
    await screen.expect("Password: ", async_=True)
    screen.sendline(PASSWORD)
    await screen.expect("Agreed", async_=True)
    assert "result" in await beyond
