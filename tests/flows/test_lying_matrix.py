"""A lying server and a lying node, one change at a time: refused, or shown as that host's claim and never as known.

Every row of lies.py is told to the wallet's own objects over a real server and a real node, behind a proxy that
changes the one thing. `make test` tells a part of them, `make soak` all; the judge is seen to catch clients that trust.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.flows.lies import (
    BOB,
    LIES,
    SEEDED,
    SHOWN,
    SPENDER,
    UNUSED,
    Act,
    Lie,
    Seen,
    changed,
    complaints,
    mallory,
    of_another_token,
)
from tests.flows.lying_node import LyingNode, lying_node
from tests.flows.lying_server import Person, Scene, open_scene

pytestmark = pytest.mark.asyncio(loop_scope="module")
SAMPLED = 5
"""Every fifth row in `make test`."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path_factory.mktemp("matrix")) as scene:
        yield scene


@pytest.fixture(scope="module")
def node(scene: Scene) -> Iterator[LyingNode]:
    with lying_node(scene.stage.chain_url) as node:
        yield node


@pytest.fixture
def alice(scene: Scene, node: LyingNode) -> Iterator[Person]:
    """With a node of her own, which is the lying one."""
    scene.proxy.be_honest()
    node.be_honest()
    yield replace(scene.alice, config=replace(scene.alice.config, rpc=node.url))
    scene.proxy.be_honest()
    node.be_honest()


async def tell(lie: Lie, scene: Scene, node: LyingNode) -> None:
    """From now on the lie is told."""
    if lie.by_node:
        node.lies[lie.where] = lie.change
        return
    change = lie.change
    if change is mallory:
        async with scene.alice.wallet() as wallet:
            other = await wallet.client.get("/users/mallory")

        def change(document: Any) -> Any:
            return other | {"handle": document["handle"]}

    if change is of_another_token:
        async with scene.alice.wallet() as wallet:
            asked = {"from": "EUR", "to": "DUSD", "amount_minor": "1000"}
            signed = await wallet.client.post("/quotes", asked, session=True)

        def change(document: Any) -> Any:
            assert document["quote"]["symbol"] == "ETH" and signed["quote"]["symbol"] == "DUSD"
            return signed

    scene.proxy.lie(lie.where, change)


def liar_of(lie: Lie, scene: Scene, node: LyingNode) -> str:
    return (node.url if lie.by_node else scene.proxy.url).removeprefix("http://")


@pytest.mark.parametrize(
    "lie",
    [pytest.param(lie, marks=[] if n % SAMPLED == 0 else [pytest.mark.slow]) for n, lie in enumerate(LIES)],
    ids=[f"{'node' if lie.by_node else 'server'} {lie.name}" for lie in LIES],
)
async def test_a_lie_is_refused_or_shown_as_its_hosts_claim(
    scene: Scene, node: LyingNode, alice: Person, lie: Lie
) -> None:
    honest = await lie.act(alice)
    assert complaints(honest, honest, ()) == []
    await tell(lie, scene, node)
    if isinstance(lie.expected, str):
        seen = await lie.act(alice)
        assert complaints(seen, honest, (liar_of(lie, scene, node),)) == []
        if lie.act.__name__ not in ("convert", "buy"):  # each quote is another
            assert changed(seen, honest) is (lie.expected == SHOWN)
    else:
        with pytest.raises(lie.expected):
            await lie.act(alice)
    assert scene.proxy.told or node.told, "the lie was not told"
    assert not [called for called in scene.proxy.seen if called.startswith("PUT /v1/orders")]
    assert "eth_sendRawTransaction" not in node.asked


COMMANDS = [
    ("server payee: somebody else", ("send", "1.00", "EUR", BOB), 1, "payee-changed"),
    ("server fee: 9.00 for 1.00", ("send", "1.00", "EUR", BOB), 2, "yes-refused"),
    ("server quote: what is received", ("convert", "10.00", "EUR", "USD"), 1, "proof-missing"),
    ("server destination: address", ("send", "0.001", "ETH", BOB), 1, "proof-missing"),
    ("node chain: another id", ("send", "0.001", "ETH", BOB), 1, "wrong-chain"),
    ("node token: 8 decimals", ("send", "1", "DUSD", BOB), 1, "token-changed"),
    ("node delegate: code that is not there", ("delegation", "set", "0", SPENDER), 2, "yes-refused"),
]


def name_of(lie: Lie) -> str:
    return f"{'node' if lie.by_node else 'server'} {lie.name}"


@pytest.mark.parametrize(
    ("name", "arguments", "status", "slug"),
    [pytest.param(*row, id=row[0], marks=[] if n in (0, 5) else [pytest.mark.slow]) for n, row in enumerate(COMMANDS)],
)
async def test_the_command_itself_sends_nothing(
    scene: Scene, node: LyingNode, alice: Person, name: str, arguments: tuple[str, ...], status: int, slug: str
) -> None:
    """With --yes, which takes what is honest and nothing else."""
    await tell(next(lie for lie in LIES if name_of(lie) == name), scene, node)
    settings = {"TANDEM_HOME": str(alice.home), "TANDEM_SERVER": scene.proxy.url, "TANDEM_RPC": node.url}
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("tandem")),
        *(*arguments, "--yes", "--json"),
        env={"PATH": os.environ["PATH"], "TANDEM_LANG": "en", **settings},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, _err = await process.communicate()
    assert (process.returncode, json.loads(out)["slug"]) == (status, slug)
    assert scene.proxy.told or node.told
    assert not [called for called in scene.proxy.seen if called.startswith("PUT /v1/orders")]
    assert "eth_sendRawTransaction" not in node.asked


@pytest.mark.parametrize(("act", "seeded", "complaint"), SEEDED, ids=[row[1].__name__ for row in SEEDED])
async def test_the_judge_catches_a_client_that_trusts(alice: Person, act: Act, seeded: Act, complaint: str) -> None:
    honest: Seen = await act(alice)
    found = complaints(await seeded(alice), honest, ("somebody",))
    assert any(one.startswith(complaint) for one in found), found


async def test_there_are_as_many_as_were_promised() -> None:
    assert len(LIES) >= 60 and len({(lie.by_node, lie.name) for lie in LIES}) == len(LIES)
    assert {lie.by_node for lie in LIES} == {True, False}
    assert {lie.expected for lie in LIES if isinstance(lie.expected, str)} == {SHOWN, UNUSED}
