"""What became of a page's transaction: what was never sent is told as that, and never as what a node had foreseen."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from chain.block import Receipt
from chain.outcome import NOT_SIMULATED, Method, Outcome
from tests.wallet.policies import ME, PAGE, pay
from tests.wallet.web_browser import person
from wallet.asking import Client, ClientKind
from wallet.cli import show
from wallet.dapp_aftermath import Aftermath
from wallet.review import Label, Source
from wallet.review_outcome import unsent_fact
from wallet.texts import speaking

pytestmark = pytest.mark.asyncio(loop_scope="module")
SENT = "0x" + "ab" * 32
CLIENT = Client(ClientKind.PAGE, PAGE)
REQUEST = pay(5).with_sender(ME)
NEVER = (Label.UNSENT, "the batch stopped before it", Source.LIST)
WORKS, FAILS = (Outcome(Method.SIMULATE, succeeded) for succeeded in (True, False))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory):
    async with person(Path(tmp_path_factory.mktemp("aftermath"))) as made:
        yield made.running.host


async def told(host, outcome, receipt):
    aftermath, heard = Aftermath(host), []
    aftermath.on_surprise = heard.append
    await aftermath.compare(CLIENT, REQUEST, SENT, outcome, receipt)
    assert heard == list(aftermath.surprises)
    return [(fact.label, fact.value, fact.source) for one in heard for fact in one.facts]


def mined(*, succeeded):
    return Receipt(bytes.fromhex(SENT[2:]), succeeded, 1, bytes(32), 21_000, 1, None, ())


@pytest.mark.parametrize("outcome", [NOT_SIMULATED, WORKS, FAILS], ids=["not simulated", "works", "fails"])
async def test_what_was_never_sent_is_told_as_that_whatever_was_foreseen(host, outcome):
    assert await told(host, outcome, None) == [NEVER]


async def test_what_a_block_has_is_held_against_what_was_foreseen(host):
    foreseen = (Label.FORESEEN, "success", Source.CLAIMED)
    assert await told(host, WORKS, mined(succeeded=False)) == [foreseen]
    assert await told(host, FAILS, mined(succeeded=True)) == [(Label.UNFORESEEN, "success", Source.CLAIMED)]
    assert await told(host, WORKS, mined(succeeded=True)) == []
    assert await told(host, NOT_SIMULATED, mined(succeeded=False)) == [], "nothing was foreseen"


async def test_the_terminal_says_it_in_the_persons_language(capsys):
    for language, words in (
        ("en", "Never sent: the batch stopped before it"),
        ("zh", "从未发出: 这一批在轮到它之前就停止了"),
    ):
        with speaking(language):
            show.surprise(SENT, [unsent_fact()])
        assert words in capsys.readouterr().err
