"""Portfolio, activity and heads: both sides as one view, priced by feeds, under the operator's signature."""

from __future__ import annotations

import pytest

from chain.address import Address
from chain.devnet import fund, set_price, transact
from chain.devnet_contracts import demo_token
from chain.erc20 import transfer
from chain.node import Node
from chain.outcome import NOT_SIMULATED
from chain.simulation import simulate
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from fiat.head import Balance, Head, follow
from tests.api.people import CHAIN_ID, PAID_IBAN, until

ETHER, DUSD = 10**18, 10**6


@pytest.fixture
async def node(chain_url):
    async with Node(chain_url, CHAIN_ID) as found:
        yield found


def account(person):
    return Address.from_bytes(person.account.address)


def head_of(told):
    balances = tuple(
        Balance(
            int(b["account"], 16),
            b["currency"],
            int(b["exponent"]),
            *(int(b[name]) for name in ("debitsPending", "debitsPosted", "creditsPending", "creditsPosted")),
        )
        for b in told["balances"]
    )
    return Head(
        holder=bytes.fromhex(told["holder"][2:]),
        count=int(told["count"]),
        head=bytes.fromhex(told["head"][2:]),
        balances=balances,
        sequence=int(told["sequence"]),
        timestamp=int(told["timestamp"]),
        signature=bytes.fromhex(told["signature"][2:]),
    )


async def test_the_portfolio_has_both_sides_and_a_total(person, node):
    alice = await person(funded=25000)
    await set_price(node, "ETH/USD", "3000")
    await fund(node, account(alice), 2 * ETHER, 54 * DUSD)
    view = (await until(lambda: alice.get("/v1/portfolio?in=EUR"), lambda a: len(a.json["positions"]) == 3)).json
    rows = {p["asset"]: (p["rail"], p["amount"], p["price_state"], p["value"]) for p in view["positions"]}
    assert rows == {
        "EUR": ("ledger", "250.00", "current", "250.00"),
        "ETH": ("chain", "2", "current", "5555.55"),
        "DUSD": ("chain", "54", "current", "50.00"),
    }
    assert (view["in"], view["total"], view["total_minor"], view["total_state"]) == (
        "EUR",
        "5855.55",
        "585555",
        "current",
    )


async def test_a_portfolio_in_a_currency_without_a_feed_shows_no_value_rather_than_zero(person):
    alice = await person(funded=100)
    view = (await alice.get("/v1/portfolio?in=CHF")).json
    (position,) = view["positions"]
    assert (position["price"], position["value"], position["price_state"]) == (None, None, "missing")
    assert (view["total"], view["total_state"]) == ("0.00", "partial")
    assert (await alice.get("/v1/portfolio?in=XTS")).slug == "currency_unknown"


async def test_the_view_follows_every_change(person, node):
    """What is kept is dropped when journal or chain move."""
    alice = await person()
    for total in (100, 200, 300):
        await alice.top_up(100)
        assert await alice.balance() == total
    for times in (1, 2):
        await fund(node, account(alice), ETHER, 0)
        view = await until(lambda: alice.get("/v1/portfolio"), lambda a: "ETH" in a.body.decode())
        await until(
            lambda: alice.get("/v1/portfolio"),
            lambda a, times=times: [p["amount"] for p in a.json["positions"] if p["asset"] == "ETH"] == [str(times)],
        )
        assert view.status == 200


async def test_the_head_is_signed_and_grows_from_the_one_before(person, running):
    alice = await person(funded=500)
    operator = bytes.fromhex((await alice.get("/v1/ledger")).json["operator"][2:])
    before = head_of((await alice.get("/v1/portfolio")).json["head"])
    before.check(running.ledger_id, operator)
    assert [b.booked for b in before.balances] == [500]
    await alice.top_up(500)
    told = (await alice.get(f"/v1/heads?since={before.count}")).json
    after = head_of(told["head"])
    after.check(running.ledger_id, operator)
    leaves = [bytes.fromhex(leaf[2:]) for leaf in told["leaves"]]
    blind = bytes.fromhex(told["blind"][2:])
    assert follow(alice.holder, blind, before.count, before.head, leaves) == (after.count, after.head)
    assert told["complete"]
    whole = (await alice.get("/v1/heads")).json
    leaves = [bytes.fromhex(leaf[2:]) for leaf in whole["leaves"]]
    assert follow(alice.holder, blind, 0, alice.holder, leaves) == (after.count, after.head)
    assert (await alice.get("/v1/heads?since=999")).json["leaves"] == []


async def history_of(someone, count):
    answer = await until(lambda: someone.get("/v1/activity"), lambda a: len(a.json["items"]) >= count)
    return answer.json["items"]


async def test_activity_joins_both_sides_newest_first(person, node):
    alice, bob = await person(funded=25000), await person()
    await alice.order(alice.transfer(bob.holder, 4000, f"@{bob.handle}\nlunch"))
    await alice.order(alice.withdrawal(PAID_IBAN, 2000))
    await fund(node, account(alice), ETHER, 30 * DUSD)
    items = await history_of(alice, 5)
    told = [(i["kind"], i["direction"], i["asset"], i["amount"]) for i in items]
    chain, ledger = ([kind for kind in told if (kind[0] == "chain_transfer") is on_chain] for on_chain in (True, False))
    assert sorted(chain) == [("chain_transfer", "in", "DUSD", "30"), ("chain_transfer", "in", "ETH", "1")]
    assert ledger == [
        ("withdrawal", "out", "EUR", "20.00"),
        ("transfer", "out", "EUR", "40.00"),
        ("topup", "in", "EUR", "250.00"),
    ]
    withdrawal, paid = (next(i for i in items if i["kind"] == kind) for kind in ("withdrawal", "transfer"))
    assert withdrawal["counterparty"]["label"] == PAID_IBAN
    assert (paid["counterparty"]["handle"], paid["memo"]) == (bob.handle, "lunch")
    (seen,) = (await bob.get("/v1/activity")).json["items"]
    assert (seen["direction"], seen["counterparty"]["handle"], seen["memo"]) == ("in", alice.handle, "lunch")
    assert [i["at"] for i in items] == sorted((i["at"] for i in items), reverse=True)


async def test_pages_never_repeat_and_never_skip(person, node):
    alice, bob = await person(funded=1000), await person()
    for amount in (1, 2, 3):
        await alice.order(alice.transfer(bob.holder, amount))
    await fund(node, account(alice), ETHER, DUSD)
    whole = [i["id"] for i in await history_of(alice, 6)]
    for limit in (1, 2, 4, 6, 7):
        paged, cursor = [], ""
        while cursor is not None:
            answer = (await alice.get(f"/v1/activity?limit={limit}{cursor and '&cursor=' + cursor}")).json
            assert len(answer["items"]) <= limit
            paged += [i["id"] for i in answer["items"]]
            cursor = answer["next_cursor"]
        assert paged == whole, limit
    assert len(whole) == len(set(whole)) == 6


async def test_dust_does_not_tell_whose_address_it_is(person, node):
    """A handle stands beside an address only where one of the two has asked the other for it before."""
    alice, bob = await person(), await person()
    for someone in (alice, bob):
        await fund(node, account(someone), ETHER, 0)
    await node.call("anvil_impersonateAccount", [account(alice)])
    dust = transfer(TokenAmount(1, Token.native(CHAIN_ID)), account(bob), account(alice))
    await transact(node, [dust], account(alice))
    items = await history_of(alice, 2)
    assert items[0]["counterparty"] == {
        "handle": None,
        "holder": None,
        "address": account(bob),
        "label": None,
    }
    answer = await alice.post(f"/v1/users/{bob.handle}/address", {"chain_id": CHAIN_ID, "asset": "ETH"})
    assert answer.status == 200
    for someone, other in ((alice, bob), (bob, alice)):
        assert (await someone.get("/v1/activity")).json["items"][0]["counterparty"]["handle"] == other.handle


async def test_i13_who_imitates_a_payee_is_marked(person, node):
    """Whoever alice paid, or asked for an address, is known; an address with the same first or last digits is not."""
    alice, bob = await person(), await person()
    for someone in (alice, bob):
        await fund(node, account(someone), ETHER, 0)
    assert (await alice.post(f"/v1/users/{bob.handle}/address", {"chain_id": CHAIN_ID, "asset": "ETH"})).status == 200
    near = Address(account(bob)[:6].lower() + "0" * 34 + "ff")
    far = Address("0x" + "5" * 38 + "ee")
    for sender in (near, far):
        await node.call("anvil_impersonateAccount", [sender])
        await node.call("anvil_setBalance", [sender, hex(ETHER)])
        await transact(node, [transfer(TokenAmount(1, Token.native(CHAIN_ID)), account(alice), sender)], sender)
    marks = {item["counterparty"]["address"]: item["marks"] for item in await history_of(alice, 3)}
    assert (marks[near], marks[far]) == (["looks-alike"], [])


async def test_i13_transfers_of_nothing_are_marked(person, node):
    """What a stranger can make anyone "receive" is told for what it is."""
    alice = await person()
    nothing = transfer(TokenAmount(0, demo_token("DUSD")), account(alice), None)
    await transact(node, [nothing])
    await fund(node, account(alice), 1, 0)
    assert [(i["asset"], i["marks"]) for i in await history_of(alice, 2)] == [("ETH", []), ("DUSD", ["nothing"])]


async def test_the_relay_is_a_node(running, node):
    """Our own node library works against the relay unchanged."""
    async with Node(f"{running.url}/v1/rpc/{CHAIN_ID}", CHAIN_ID) as relayed:
        assert await relayed.identity() == await node.identity()
        assert (await relayed.fees()).priority > 0
        assert await relayed.balances(Address("0x" + "11" * 20), [Token.native(CHAIN_ID)])
        # What a wallet asks before it signs: the relay lets a simulation of one block through.
        sender, payee = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
        outcome = await simulate(relayed, TransactionRequest(chain_id=CHAIN_ID, sender=sender, to=payee, value=0))
        assert outcome != NOT_SIMULATED


@pytest.mark.parametrize(
    "method",
    [
        *("eth_accounts", "eth_sendTransaction", "eth_sign", "personal_sign", "eth_subscribe", "ETH_CALL", "eth_call "),
        *("anvil_setBalance", "hardhat_reset", "evm_mine", "debug_traceCall", "admin_peers", "txpool_content"),
    ],
)
async def test_i25_the_relay_passes_nothing_that_signs_or_administers(caller, method):
    answer = await caller.post("/v1/rpc/31337", {"jsonrpc": "2.0", "id": 7, "method": method, "params": []})
    assert (answer.status, answer.json["id"], answer.json["error"]["code"]) == (200, 7, -32601)


SIMULATION = {"jsonrpc": "2.0", "id": 1, "method": "eth_simulateV1"}
LOGS = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs"}


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ([], -32600),
        ([{}] * 101, -32600),
        ({"jsonrpc": "2.0", "method": "eth_chainId"}, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"}, -32600),
        ({"jsonrpc": "2.0", "id": {}, "method": "eth_chainId"}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": {"a": 1}}, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{"fromBlock": "earliest"}]}, -32602),
        (SIMULATION | {"params": []}, -32602),
        (SIMULATION | {"params": [{"blockStateCalls": [{"calls": [{}]}]}, "0x1"]}, -32602),
        (SIMULATION | {"params": [{"blockStateCalls": [{"calls": [{}]}] * 2}, "latest"]}, -32602),
        (SIMULATION | {"params": [{"blockStateCalls": [{"calls": [{}] * 65}]}, "latest"]}, -32602),
        (SIMULATION | {"params": [{"blockStateCalls": [{"calls": [{}], "stateOverrides": {}}]}, "latest"]}, -32602),
        (
            {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{"fromBlock": "0x0", "toBlock": "0x7d0"}]},
            -32602,
        ),
        ("x", -32600),
    ],
)
async def test_calls_that_are_none_are_answered_as_json_rpc_says(caller, call, code):
    assert (await caller.post("/v1/rpc/31337", call)).json["error"]["code"] == code


async def test_a_batch_keeps_its_order_and_ids_and_the_nodes_own_errors(caller):
    calls = [
        {"jsonrpc": "2.0", "id": "b", "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": None, "method": "eth_call", "params": [{"to": "0x12"}, "latest"]},
        {"jsonrpc": "2.0", "id": "b", "method": "eth_accounts"},
    ]
    first, second, third = (await caller.post("/v1/rpc/31337", calls)).json
    assert (first["id"], first["result"]) == ("b", hex(CHAIN_ID))
    assert (second["id"], second["error"]["code"]) == (None, -32602), "the node's own"
    assert (third["id"], third["error"]["code"]) == ("b", -32601)
    assert (await caller.post("/v1/rpc/1", calls)).slug == "not_found"
