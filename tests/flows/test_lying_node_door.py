"""A lying node behind `tandem up`: what a page asks for is shown as its bytes say, and the node's word as the node's.

The page's transaction is the same each time; the node changes one answer. With an honest second node beside it the lie
is contradicted by name. Nothing is ever signed: the person declines.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from chain.devnet import Devnet
from tests.flows.door_client import ALICE, BOB, Http, Person, Up, up
from tests.flows.lying_node import LyingNode, lying_node

pytestmark = pytest.mark.asyncio(loop_scope="module")
CONTRACT = "0x00000000000000000000000000000000c0ffee00"
RETURNS_255 = "0x60ff60005260206000f3"
"""To whatever it is asked, balances too."""
WORD = "0x" + "0" * 24
CALLED = {"to": CONTRACT, "data": "0xa9059cbb" + "0" * 24 + BOB[2:].lower() + f"{9:064x}"}
ODD = {"to": CONTRACT, "data": "0x12345678"}
PAID = {"to": BOB, "value": "0x5"}
OF_THE_BYTES = {"nonce", "fee-max", "total", "digest"}
"""Labels whose value follows from numbers that the node gives, and that stand in the bytes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def devnet() -> AsyncIterator[Devnet]:
    async with Devnet.start("anvil") as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(devnet: Devnet) -> AsyncIterator[LyingNode]:
    with lying_node(devnet.url) as lying:
        yield lying


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(node: LyingNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    async with up(tmp_path_factory.mktemp("lying") / "home", node.url, "--token-approves", "--settle", "0") as started:
        yield started


async def review_of(running: Up, request: dict[str, Any]) -> Any:
    """What the person is shown of a page's transaction, which is then declined; the error's code if nothing is."""
    async with Http(running) as page, Person(running) as person:
        if not await page.ask("eth_accounts"):
            asking = asyncio.create_task(page.ask("eth_requestAccounts"))
            await person.approve("connect")
            await asking
        asked = asyncio.create_task(page.answer("eth_sendTransaction", {"from": ALICE, **request}))
        shown = asyncio.create_task(person.shown("send_transaction"))
        await asyncio.wait([asked, shown], return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            shown.cancel()
            return (await asked)["error"]["code"]
        await person.decline("send_transaction")
        assert (await asked)["error"]["code"] == 4001
        return (await shown)["review"]


def of(simulated: Any, **changes: Any) -> Any:
    """The simulation with another outcome of its first call."""
    (block,) = simulated
    return [{**block, "calls": [{**block["calls"][0], **changes}, *block["calls"][1:]]}]


def log(address: str, signature: str, sender: str, receiver: str, units: int) -> dict[str, Any]:
    topics = [signature, *(WORD + one[2:].lower() for one in (sender, receiver))]
    places = {"blockNumber": "0x1", "blockHash": "0x" + "0" * 64, "transactionHash": "0x" + "0" * 64}
    counted = {"logIndex": "0x0", "transactionIndex": "0x0", "removed": False}
    return {"address": address, "topics": topics, "data": f"0x{units:064x}", **places, **counted}


TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
NATIVE = "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
FEES = {
    "oldestBlock": "0x1",
    "baseFeePerGas": [hex(3 * 10**9)] * 2,
    "gasUsedRatio": [0.5],
    "reward": [[hex(10**9)] * 3],
}
Change = Callable[[list[Any], Any], Any]
LIES: dict[str, tuple[dict[str, Any], str, Change, set[str], set[str]]] = {
    "it would fail": (PAID, "eth_simulateV1", lambda a, f: of(f, status="0x0"), {"would-fail"}, {"would-fail"}),
    "nothing is paid": (PAID, "eth_simulateV1", lambda a, f: of(f, logs=[]), set(), set()),
    "more is paid": (
        PAID,
        "eth_simulateV1",
        lambda a, f: of(f, logs=[log(NATIVE, TRANSFER, ALICE, BOB, 10**18)]),
        {"goes"},
        set(),
    ),
    "something is got": (
        CALLED,
        "eth_simulateV1",
        lambda a, f: of(f, logs=[log(NATIVE, TRANSFER, BOB, ALICE, 10**18)]),
        {"comes"},
        set(),
    ),
    "somebody may take": (
        CALLED,
        "eth_simulateV1",
        lambda a, f: of(f, logs=[log(CONTRACT, APPROVAL, ALICE, BOB, 7)]),
        {"allowed-after"},
        {"grant-hidden"},
    ),
    "it cannot simulate": (PAID, "eth_simulateV1", lambda a, f: "nonsense", {"simulated"}, set()),
    "no code": (ODD, "eth_getCode", lambda a, f: "0x", set(), {"contract-without-code"}),
    "delegated code": (PAID, "eth_getCode", lambda a, f: "0xef0100" + "77" * 20, {"delegation"}, {"delegated"}),
    "fees": (PAID, "eth_feeHistory", lambda a, f: FEES, set(), set()),
    "gas": (CALLED, "eth_estimateGas", lambda a, f: hex(int(f, 16) * 9), set(), set()),
    "number": (PAID, "eth_getTransactionCount", lambda a, f: "0x9", set(), set()),
}
REFUSED: dict[str, tuple[dict[str, Any], str, Any, int]] = {
    "no coins": (PAID, "eth_getBalance", "0x0", -32000),
    "another chain": (PAID, "eth_chainId", "0x1", 4901),
    "a number beyond all": (PAID, "eth_getTransactionCount", hex(2**65), -32002),
    "absurd fees": (PAID, "eth_feeHistory", {**FEES, "baseFeePerGas": [hex(10**13)] * 2}, -32000),
    "no token": (CALLED, "eth_getCode", "0x", -32000),
    "no tokens": (CALLED, "eth_call", "0x" + "0" * 64, -32000),
}
CONTRADICTED = ("it would fail", "nothing is paid", "more is paid", "something is got", "no code", "delegated code")


def sampled(table: dict[str, Any]) -> list[Any]:
    """Every third row in `make test`."""
    return [pytest.param(name, marks=[] if n % 3 == 0 else [pytest.mark.slow]) for n, name in enumerate(table)]


@pytest.fixture(autouse=True)
def honest_again(node: LyingNode) -> None:
    node.be_honest()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def honest(running: Up, node: LyingNode, devnet: Devnet) -> dict[str, Any]:
    """The reviews of both requests while nobody lies."""
    async with Http.at(devnet.url) as chain:
        await chain.ask("anvil_setCode", CONTRACT, RETURNS_255)
    return {str(request): await review_of(running, request) for request in (PAID, CALLED, ODD)}


def firm(review: Any) -> list[tuple[str, str, str]]:
    """What stands in the review as known: all but claims, and numbers of the bytes."""
    facts = [fact for fact in review["facts"] if fact["source"] != "claimed" and fact["label"] not in OF_THE_BYTES]
    return [(fact["label"], fact["value"], fact["source"]) for fact in facts]


def judged(review: Any, honest: Any, liar: str) -> list[str]:
    """What is wrong with it."""
    found = [] if firm(review) == firm(honest) else ["something else is called known"]
    claims = [fact for fact in review["facts"] if fact["source"] == "claimed" and fact not in honest["facts"]]
    host = urlsplit(liar).netloc or liar
    return found + [f"{fact['label']} is nobody's claim" for fact in claims if host not in fact.get("by", "")]


@pytest.mark.parametrize("name", sampled(LIES))
async def test_a_lie_is_the_nodes_claim_or_stands_in_the_bytes(
    running: Up, node: LyingNode, honest: dict[str, Any], name: str
) -> None:
    request, method, change, labels, cautions = LIES[name]
    node.lies[method] = change
    review, before = await review_of(running, request), honest[str(request)]
    assert node.told and "eth_sendRawTransaction" not in node.asked
    assert judged(review, before, node.url) == []
    assert review["facts"] != before["facts"] or review["warnings"] != before["warnings"], "it is seen"
    assert labels <= {fact["label"] for fact in review["facts"] if fact["source"] == "claimed"}
    assert cautions <= set(review["warnings"])


@pytest.mark.parametrize("name", sampled(REFUSED))
async def test_a_lie_is_refused_before_anybody_is_asked(running: Up, node: LyingNode, name: str) -> None:
    request, method, answer, code = REFUSED[name]
    node.lies[method] = lambda asked, found: answer
    assert await review_of(running, request) == code and node.told


async def test_the_judge_sees_what_is_called_known_and_whose_claim_it_is_not(honest: dict[str, Any]) -> None:
    """The control: reviews of a client that trusts its node."""
    review = honest[str(PAID)]
    trusting = {**review, "facts": [{**fact, "source": "list"} for fact in review["facts"]]}
    assert judged(trusting, review, "x") == ["something else is called known"]
    paid = {**review, "facts": [*review["facts"], {"label": "comes", "value": "1", "source": "claimed", "by": "me"}]}
    assert judged(paid, review, "http://node") == ["comes is nobody's claim"]
    assert judged(review, review, "x") == []


async def test_an_honest_second_node_contradicts_the_lie_by_name(
    running: Up, node: LyingNode, devnet: Devnet, honest: dict[str, Any]
) -> None:
    await running.tandem("networks", "second", "31337", devnet.url)
    try:
        for _step in range(200):
            review = await review_of(running, PAID)
            if "second-node" in [fact["label"] for fact in review["facts"]]:
                break
        assert "nodes-disagree" not in review["warnings"], "the control: both are honest"
        for name in CONTRADICTED:
            request, method, change, _labels, _cautions = LIES[name]
            node.lies[method] = change
            review = await review_of(running, request)
            node.be_honest()
            assert "nodes-disagree" in review["warnings"], name
            said = [fact for fact in review["facts"] if fact["label"] == "says"]
            assert {fact["by"] for fact in said} == {url.removeprefix("http://") for url in (node.url, devnet.url)}
    finally:
        await running.tandem("networks", "second", "31337")
