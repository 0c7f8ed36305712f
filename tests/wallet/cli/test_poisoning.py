"""What strangers do to the history (I-13: a planted address is offered nowhere); `activity --follow`, and `prices`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from fractions import Fraction

from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import transact
from chain.devnet_contracts import CHAIN_ID, demo_token, demo_tokens
from chain.erc20 import transfer
from chain.node import Node
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from tests.wallet.cli.conftest import TANDEM, outside
from wallet.cli.prices import line
from wallet.cli.strangers import claim, odd

PAYEE = Address("0xbeef" + "1" * 32 + "cafe")
POISON = Address("0xbeef" + "2" * 32 + "cafe")


async def poison(chain_url: str, victim: Address) -> None:
    """Dust of coins and of a listed token, and a transfer of nothing that the victim seems to have made."""
    async with Node(chain_url, CHAIN_ID) as node:
        for method, params in (
            ("anvil_impersonateAccount", [POISON]),
            ("anvil_setBalance", [POISON, hex(10**18)]),
        ):
            await node.call(method, params)
        mint = encode_call("mint(address,uint256)", POISON, 5)
        await transact(node, [TransactionRequest(CHAIN_ID, demo_tokens()["DUSD"].address, data=mint)])
        dust = [TokenAmount(1, token) for token in (Token.native(CHAIN_ID), demo_token("DUSD"))]
        await transact(node, [transfer(amount, victim) for amount in dust], POISON)
        nothing = encode_call("transferFrom(address,address,uint256)", victim, POISON, 0)
        await transact(node, [TransactionRequest(CHAIN_ID, demo_tokens()["DUSD"].address, data=nothing)], POISON)


def waited(tandem, person, other: Address, count: int) -> list:
    """The newest items, once so many of them are with that address."""
    deadline = time.monotonic() + 60
    while True:
        items = tandem("activity", "--limit", "5", "--json", **person.environ).json["items"]
        if [item["counterparty"]["address"] for item in items].count(other) >= count:
            return items
        assert time.monotonic() < deadline, [
            (i["id"], i["asset"], i["amount"], i["direction"], i["state"], i["counterparty"]["address"]) for i in items
        ]
        time.sleep(0.1)


def test_i13_a_planted_address_is_marked_and_offered_nowhere(tandem, people, place):
    alice, _bob = people
    assert tandem("send", "0.01", "ETH", PAYEE, "--yes", **alice.environ).status == 0
    asyncio.run(poison(place.chain, Address(alice.address)))
    items = waited(tandem, alice, POISON, 3)
    planted = [item for item in items if item["counterparty"]["address"] == POISON]
    assert {(item["direction"], item["amount_minor"]) for item in planted} == {("in", "1"), ("out", "0")}
    assert next(item for item in planted if item["amount_minor"] == "0")["marks"] == ["looks-alike", "nothing"]
    assert all("looks-alike" in item["marks"] for item in planted)
    honest = [item for item in items if item["counterparty"]["address"] == PAYEE]
    assert [item["marks"] for item in honest] == [[]]
    for option in ((), ("--csv",)):
        shown = tandem("activity", "--limit", "5", *option, **alice.environ, TANDEM_LANG="en").out
        assert POISON.lower() not in shown.lower() and "an address that deceives" in shown
        assert str(PAYEE) in shown
    recent = tandem("contacts", "recent", "--json", **alice.environ).json["recent"]
    assert str(POISON) not in {row["to"] for row in recent} and str(PAYEE) in {row["to"] for row in recent}
    refused = tandem("send", "0.01", "ETH", POISON, "--yes", "--json", **alice.environ)
    assert (refused.json["slug"], refused.json["reason"]) == ("yes-refused", "warnings")
    named = tandem("contacts", "add", "Friend", POISON, "--json", **alice.environ)
    assert (named.status, named.json["slug"]) == (2, "terminal-needed")
    assert tandem("contacts", "add", "Payee", PAYEE, **alice.environ).status == 0


def test_a_client_marks_what_its_server_does_not(tandem, people, place):
    """Only this client knows whom it calls what: a contact that was never paid is imitated too."""
    alice, _bob = people
    near = Address("0xfeed" + "3" * 32 + "0123")
    assert tandem("contacts", "add", "Never paid", Address("0xfeed" + "4" * 32 + "9999"), **alice.environ).status == 0

    async def dust() -> None:
        async with Node(place.chain, CHAIN_ID) as node:
            await node.call("anvil_impersonateAccount", [near])
            await node.call("anvil_setBalance", [near, hex(10**18)])
            await transact(node, [transfer(TokenAmount(7, Token.native(CHAIN_ID)), Address(alice.address))], near)

    asyncio.run(dust())
    items = waited(tandem, alice, near, 1)
    marks = [item["marks"] for item in items if item["counterparty"]["address"] == near]
    assert marks == [["looks-alike"]]


def test_following_tells_what_happens_as_it_happens(people):
    """In processes of their own: one reads, the other moves money; then the reader is stopped."""
    alice, _bob = people
    follower = subprocess.Popen(
        [TANDEM, "activity", "--follow", "--json"], stdout=subprocess.PIPE, env=alice.environ, text=True
    )
    try:
        assert json.loads(follower.stdout.readline())["event"] == "ready"
        assert outside(alice.environ, "topup", "0.03", "EUR").returncode == 0
        told = json.loads(follower.stdout.readline())
        assert (told["event"], told["data"]["amount"], told["data"]["kind"]) == ("ledger", "0.03", "topup")
    finally:
        follower.terminate()
        follower.wait(30)
        follower.stdout.close()


def test_a_token_on_no_list_is_named_by_its_address():
    position = {"contract": "0x" + "ab" * 20, "claimed": {"symbol": "", "decimals": None}}
    assert claim(position) == "0x" + "ab" * 20 + " (its name is not shown, no decimals)"
    position["claimed"] = {"symbol": "SOME", "decimals": 18}
    assert claim(position).endswith("(calls itself “SOME”, 18 decimals as claimed)")
    assert odd({"marks": ["nothing", "unlisted"]}) == "nothing moved; token on no list"


def test_prices_now_and_over_time(tandem, people):
    alice, _bob = people
    english = {**alice.environ, "TANDEM_LANG": "en"}
    table = tandem("prices", "--in", "usd", **english).out
    assert "Price USD" in table and "ETH/USD" in table and "≈" not in table.split("ETH ")[1][:20]
    told = tandem("prices", "eth", "--in", "USD", "--hours", "1", "--json", **english).json
    assert (told["asset"], told["in"], {point["price"] for point in told["points"]}) == ("ETH", "USD", {"3000"})
    assert "ETH in USD: last 3000, lowest 3000, highest 3000" in tandem("prices", "ETH", "--in", "USD", **english).out
    assert "Nobody saw a price of ETH in CHF" in tandem("prices", "ETH", "--in", "CHF", **english).out
    assert tandem("prices", "DOGE", "--json", **english).json["slug"] == "not_found"


def test_a_line_is_as_high_as_its_prices():
    assert line([Fraction(n) for n in range(8)]) == "▁▂▃▄▅▆▇█"
    assert line([Fraction(1, 3)] * 3) == "▄▄▄"
    assert line([Fraction(5), Fraction(1), Fraction(5)]) == "█▁█"
