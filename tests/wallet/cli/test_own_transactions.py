"""Stuck transactions, allowances and whole balances, on a real chain."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from eth_account import Account

from chain.address import Address
from chain.calldata import encode_call
from chain.erc20 import balance_of
from chain.errors import AnswerMalformed, FeeTooHigh
from chain.token import TokenAmount
from chain.transaction import TransactionRequest
from wallet.errors import InputMalformed
from wallet.hd import KeyTree
from wallet.mnemonic import readings
from wallet.own_transactions import dearer, read_pending
from wallet.purse import TOKENS
from wallet.review_effects import PERMIT2

PHRASE = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"
KEYS = KeyTree(readings(PHRASE)[0].seed())
ALICE, BOB = KEYS.account(0).address, KEYS.account(1).address
SPENDER = Address("0x00a329c0648769A73afAc7F9381E08FB43dBEA72")
GWEI = 10**9
DUSD = next(token for token in TOKENS.on_chain(31337) if token.symbol == "DUSD")
AWAY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def rpc(place):
    """Asks the chain; gives results."""

    def ask(method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(place.chain, body, {"Content-Type": "application/json"})
        answer = json.load(urllib.request.urlopen(request, timeout=120))
        assert "result" in answer, answer
        return answer["result"]

    return ask


@pytest.fixture
def run(tandem, password_file, monkeypatch, place):
    def call(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        settings = {"TANDEM_PASSWORD_FILE": password_file, "TANDEM_SERVER": place.server, "TANDEM_RPC": place.chain}
        return tandem(*arguments, "--json", **settings)

    assert call("restore", "--light", stdin=PHRASE).status == 0
    assert place.operate("devnet", "fund", ALICE, "--eth", "3", "--dusd", "40").status == 0
    return call


def signed(rpc, **fields):
    """What another program of the same person sent: the raw transaction's hash, waiting."""
    nonce = int(rpc("eth_getTransactionCount", ALICE, "latest"), 16)
    base = {"chainId": 31337, "nonce": nonce, "gas": 60_000, "value": 0}
    fees = {"maxFeePerGas": 20 * GWEI, "maxPriorityFeePerGas": GWEI}
    raw = Account.sign_transaction({**base, **fees, **fields}, KEYS.account(0).raw).raw_transaction
    return rpc("eth_sendRawTransaction", "0x" + bytes(raw).hex()), nonce


def mined(rpc, **fields):
    """Waits for its block: a node answers before it mines."""
    transaction, _nonce = signed(rpc, **fields)
    for _step in range(600):
        if rpc("eth_getTransactionReceipt", transaction) is not None:
            return
        time.sleep(0.05)
    raise AssertionError("no block has it")


@pytest.fixture
def waiting(rpc, run):
    """A transfer of a third ether to bob that no block takes; its replacement is mined as soon as it is there."""
    rpc("evm_setAutomine", False)
    transaction, nonce = signed(rpc, to=BOB, value=10**18 // 3)
    over = threading.Event()

    def mine():
        while rpc("eth_getTransactionByHash", transaction) is not None and not over.wait(0.1):
            pass
        rpc("evm_mine")

    miner = threading.Thread(target=mine)
    miner.start()
    try:
        yield transaction, nonce
    finally:
        over.set()
        miner.join()
        rpc("evm_setAutomine", True)


def test_what_waits_is_sent_again_at_a_higher_fee(run, rpc, waiting):
    transaction, nonce = waiting
    before = int(rpc("eth_getBalance", BOB, "latest"), 16)
    assert run("cancel", transaction, "--yes").json["slug"] == "yes-refused", "paying oneself: somebody looks"
    done = run("speedup", transaction, "--yes")
    assert (done.status, done.json["state"]) == (0, "done"), done.out + done.err
    mined = rpc("eth_getTransactionByHash", done.json["transaction"])
    assert int(mined["nonce"], 16) == nonce
    assert int(mined["maxFeePerGas"], 16) >= 20 * GWEI * 9 // 8
    assert int(rpc("eth_getBalance", BOB, "latest"), 16) == before + 10**18 // 3
    assert rpc("eth_getTransactionReceipt", transaction) is None
    assert run("speedup", done.json["transaction"], "--yes").json["reason"] == "a block has it already"


def test_a_waiting_transaction_is_cancelled_by_one_who_looks(run, rpc, waiting, typed, place, password_file):
    transaction, nonce = waiting
    child = typed(
        "cancel", transaction, TANDEM_RPC=place.chain, TANDEM_SERVER=place.server, TANDEM_PASSWORD_FILE=password_file
    )
    child.expect(r"Sign and send\? \[y/N\] ")
    child.sendline("y")
    child.expect("Done, in block")
    assert int(rpc("eth_getTransactionCount", ALICE, "latest"), 16) == nonce + 1
    assert rpc("eth_getTransactionReceipt", transaction) is None


def nonces(told):
    """Number and state of each, of the first account."""
    return [(int(one["nonce"]), one["state"]) for one in told.json["accounts"][0]["transactions"]]


def test_what_is_missing_replaced_or_dropped_is_told_by_its_number(run, rpc, typed, place, password_file, monkeypatch):
    monkeypatch.setattr("wallet.tokens.RECEIPT_SECONDS", 0.2)
    monkeypatch.setattr("wallet.own_transactions.RECEIPT_SECONDS", 0.2)
    first = int(rpc("eth_getTransactionCount", ALICE, "latest"), 16)
    rpc("evm_setAutomine", False)
    try:
        sent = [run("send", "0.001", "ETH", BOB, "--yes").json for _ in range(3)]
        assert [(one["state"], int(one["nonce"])) for one in sent] == [("sent", first + n) for n in range(3)]
        told = run("pending")
        assert nonces(told) == [(first + n, "waiting") for n in range(3)]
        assert (told.json["accounts"][0]["missing"], told.json["accounts"][0]["next"]) == ([], str(first + 3))
        later = [rpc("eth_getRawTransactionByHash", one["transaction"]) for one in sent[1:]]
        rpc("anvil_dropTransaction", sent[0]["transaction"])  # and with it those after it
        for raw in later:
            rpc("eth_sendRawTransaction", raw)
        told = run("pending")
        assert nonces(told) == [(first, "dropped"), (first + 1, "waiting"), (first + 2, "waiting")]
        assert told.json["accounts"][0]["missing"] == [str(first)]
        assert run("fill", str(first + 1), "--yes").json["reason"].startswith("it is not missing")
        settings = {"TANDEM_RPC": place.chain, "TANDEM_SERVER": place.server, "TANDEM_PASSWORD_FILE": password_file}
        child = typed("fill", str(first), **settings)
        child.expect(r"Sign and send\? \[y/N\] ")
        child.sendline("y")
        while int(rpc("eth_getTransactionCount", ALICE, "pending"), 16) < first + 3:
            pass
        quick = run("speedup", sent[2]["transaction"], "--yes")
        assert quick.json["state"] == "sent", quick.out
        rpc("evm_mine")
        child.expect("Done, in block")
        done = [(first, "done"), (first, "replaced"), (first + 1, "done"), (first + 2, "done"), (first + 2, "replaced")]
        assert sorted(nonces(run("pending"))) == [pair for pair in done if pair != (first, "done")], "told once"
        assert nonces(run("pending")) == [] and run("pending").json["accounts"][0]["missing"] == []
        assert run("fill", str(first), "--yes").json["reason"] == "a block has it already"
    finally:
        rpc("evm_setAutomine", True)


def test_only_ones_own_waiting_transactions_are_replaced(run, rpc):
    assert run("speedup", "0x" + "ab" * 32, "--yes").json["reason"] == "the node knows none of that hash"
    assert run("speedup", "0xab", "--yes").json["field"] == "transaction"


def test_allowances_are_seen_and_taken_back(run, rpc, tandem, place):
    for units in (7_500_000, 2**256 - 1):
        data = encode_call("approve(address,uint256)", SPENDER, units)
        mined(rpc, to=DUSD.address, data="0x" + data.hex())
        (found,) = run("allowances").json["allowances"]
        assert (found["asset"], found["spender"], found["owner"]) == ("DUSD", SPENDER, ALICE)
        assert (found["amount"], found["amount_units"]) == ("7.5" if units == 7_500_000 else None, str(units))
    relayed = tandem("allowances", "--json", TANDEM_SERVER=place.server)  # which takes short ranges alone
    assert relayed.json["allowances"] == [found], relayed.out
    revoked = run("revoke", "DUSD", SPENDER, "--yes")
    assert (revoked.status, revoked.json["state"]) == (0, "done"), revoked.out + revoked.err
    assert run("allowances").json["allowances"] == []


COMPILE = """
const solc = require("solc"), content = require("fs").readFileSync(0, "utf8");
const settings = { evmVersion: "cancun", outputSelection: { "*": { "*": ["evm.deployedBytecode.object"] } } };
const input = { language: "Solidity", sources: { "A.sol": { content } }, settings };
const output = JSON.parse(solc.compile(JSON.stringify(input)));
process.stdout.write(output.contracts["A.sol"].AllowanceBook.evm.deployedBytecode.object);
"""


@pytest.fixture(scope="module")
def permit2(rpc):
    """The half of Permit2 that keeps allowances, at its address."""
    source = Path(__file__).with_name("contracts") / "AllowanceBook.sol"
    done = subprocess.run(
        ["node", "-e", COMPILE], input=source.read_text(), capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout, done.stderr
    rpc("anvil_setCode", PERMIT2, "0x" + done.stdout)
    yield
    rpc("anvil_setCode", PERMIT2, "0x")


def inner(rpc, spender, units, ends):
    data = encode_call("approve(address,address,uint160,uint48)", DUSD.address, spender, units, ends)
    mined(rpc, to=PERMIT2, data="0x" + data.hex(), gas=100_000)


def test_what_permit2_keeps_is_seen_with_what_is_at_risk_and_taken_back(run, rpc, permit2):
    now = int(rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    inner(rpc, SPENDER, 5_000_000, now + 86_400)
    inner(rpc, BOB, 2**160 - 1, 2**48 - 1)
    inner(rpc, Address("0x" + "99" * 20), 5_000_000, now - 1)  # over

    def seen():
        rows = [row for row in run("allowances").json["allowances"] if row["permit2"]]
        return {row["spender"]: (row["asset"], row["amount"], row["ends_at"], row["at_risk"]) for row in rows}

    assert seen() == {
        SPENDER: ("DUSD", "5", now + 86_400, "0"),
        BOB: ("DUSD", None, 2**48 - 1, "0"),
    }, "Permit2 itself may take nothing yet"
    held = int(rpc("eth_call", {"to": DUSD.address, "data": "0x" + balance_of(ALICE).hex()}, "latest"), 16)
    approve = encode_call("approve(address,uint256)", PERMIT2, 2**256 - 1)
    mined(rpc, to=DUSD.address, data="0x" + approve.hex())
    everything = TokenAmount(held, DUSD).format()
    assert {spender: row[3] for spender, row in seen().items()} == {SPENDER: "5", BOB: everything}
    outer = next(row for row in run("allowances").json["allowances"] if row["spender"] == PERMIT2)
    assert (outer["permit2"], outer["amount"], outer["at_risk"]) == (False, None, everything)
    for spender in (SPENDER, BOB):
        revoked = run("revoke", "DUSD", spender, "--permit2", "--yes")
        assert (revoked.status, revoked.json["state"]) == (0, "done"), revoked.out + revoked.err
        assert spender not in seen()
    assert run("revoke", "DUSD", BOB, "--permit2", "--collection", "--yes").json["field"] == "options"
    assert run("revoke", "DUSD", PERMIT2, "--yes").json["state"] == "done"


def test_what_is_at_risk_is_valued_where_a_price_is_fresh(people, tandem, place, rpc):
    alice = people[0].environ
    given = ("approve(address,uint256)", SPENDER, 3_000_000)
    call = {"from": people[0].address, "to": DUSD.address, "data": "0x" + encode_call(*given).hex()}
    rpc("anvil_impersonateAccount", people[0].address)
    rpc("eth_sendTransaction", call)
    rpc("anvil_stopImpersonatingAccount", people[0].address)
    (found,) = tandem("allowances", "--json", **alice).json["allowances"]
    assert (found["at_risk"], found["value_in"]) == ("3", "EUR") and 2 < float(found["value"]) < 4
    assert f"3 DUSD ({found['value']} EUR)" in tandem("allowances", **alice).out
    unvalued = tandem("allowances", "--json", **{**alice, "TANDEM_SERVER": AWAY, "TANDEM_RPC": place.chain})
    assert unvalued.json["allowances"][0]["value"] is None
    assert tandem("allowances", "--in", "XXX", "--json", **alice).json["slug"] == "currency-unknown"
    assert tandem("revoke", "DUSD", SPENDER, "--yes", **alice).status == 0


def test_everything_of_an_asset_is_swept(run, rpc):
    for asset in ("DUSD", "ETH"):
        done = run("sweep", asset, BOB.lower(), "--yes")
        assert (done.status, done.json["state"]) == (0, "done"), done.out + done.err
    assert int(rpc("eth_getBalance", ALICE, "latest"), 16) < 10**15, "only what the fee did not take is left"
    empty = run("sweep", "DUSD", BOB, "--yes")
    assert empty.json["slug"] in ("funds-missing", "insufficient-native")
    assert run("sweep", "ETH", "@bob", "--yes").json["field"] == "payee"
    assert run("sweep", "XYZ", BOB, "--yes").json["slug"] == "asset-unknown"


# As values


def test_a_replacement_pays_an_eighth_more_and_not_less_than_today():
    def request(highest, tip):
        return TransactionRequest(1, BOB, max_fee_per_gas=highest, max_priority_fee_per_gas=tip)

    assert dearer(request(800, 80), request(100, 10)) == (901, 91)
    assert dearer(request(800, 80), request(2000, 500)) == (2000, 500)
    assert dearer(request(8, 8), request(9, 9)) == (10, 10), "never a tip above the highest fee"
    with pytest.raises(FeeTooHigh):
        dearer(request(800, 80), request(100, 10), 900)


def test_what_a_node_says_of_a_transaction_is_read_strictly():
    fields = {"chainId": 5, "nonce": 2, "gas": 21_000, "value": 1, "gasPrice": 7, "to": BOB}
    made = Account.sign_transaction(fields, KEYS.account(0).raw)
    told = {
        "hash": "0x" + bytes(made.hash).hex(),
        "from": ALICE,
        "to": BOB,
        "value": "0x1",
        "nonce": "0x2",
        "gas": "0x5208",
        "gasPrice": "0x7",
        "input": "0x",
        **{name: hex(getattr(made, name)) for name in ("r", "s", "v")},
    }
    read = read_pending(told, bytes(made.hash), 5)
    assert (read.to, read.value, read.nonce, read.max_fee_per_gas, read.max_priority_fee_per_gas) == (BOB, 1, 2, 7, 7)
    for broken in ({"value": "1"}, {"nonce": 2}, {"gas": None}, {"input": "0x1"}, {"value": "0x2"}):
        with pytest.raises(AnswerMalformed):
            read_pending({**told, **broken}, bytes(made.hash), 5)
    for another in ([], {**told, "hash": "0x" + 64 * "1"}):
        with pytest.raises(AnswerMalformed):
            read_pending(another, bytes(made.hash), 5)
    with pytest.raises(AnswerMalformed):
        read_pending(told, bytes(made.hash), 6)
    for settled in (None, {**told, "blockNumber": "0x1"}):
        with pytest.raises(InputMalformed):
            read_pending(settled, bytes(made.hash), 5)
