"""The operator's hot wallet: a process that signs plain transfers, each once, within a day's cap, whoever asks."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from chain.address import Address
from chain.devnet_contracts import demo_token
from chain.erc20 import approve, transfer
from chain.errors import TreasuryExists, TreasuryLost, TreasuryMissing, TreasuryRefused
from chain.token import Token, TokenAmount
from chain.transaction import SignedTransaction, TransactionRequest
from chain.treasury_pipe import TreasuryPipe, keystore_address, make_treasury
from chain.treasury_rules import DAY_SECONDS, Caps, Payment, Signed, admit, asset_name
from fiat.bridge_quote import chain_asset

CHAIN = 31337
TO, OTHER = (Address.from_bytes(bytes([n]) * 20) for n in (0x22, 0x33))
COIN, DUSD = Token.native(CHAIN), demo_token("DUSD")
NAME = asset_name(CHAIN, None)
CAPS = Caps(CHAIN, {NAME: 100, asset_name(CHAIN, DUSD.address): 50}, 10**15)
NOW = 20_000 * DAY_SECONDS
FEES = {"max_fee_per_gas": 10**9, "max_priority_fee_per_gas": 1, "gas": 21_000}


def paying(units=10, nonce=0, to=TO, token=COIN, **changes):
    return replace(transfer(TokenAmount(units, token), to), **({"nonce": nonce} | FEES | changes))


def admitted(*requests, now=NOW):
    """Signed with what was asked before; each is another payment."""
    signed = Signed()
    for number, request in enumerate(requests):
        payment = admit(f"{number:064x}", request, CAPS, signed, now)
        signed.add(payment)
    return signed


def reason(payment_id, request, signed, now=NOW):
    with pytest.raises(TreasuryRefused) as refused:
        admit(payment_id, request, CAPS, signed, now)
    return refused.value.reason, refused.value.nonce


def test_a_payment_has_one_number_for_ever_and_a_number_one_payment():
    signed = admitted(paying(), paying(nonce=1))
    first = f"{0:064x}"
    assert admit(first, paying(), CAPS, signed, NOW) is None
    assert admit(first, paying(max_fee_per_gas=2 * 10**9), CAPS, signed, NOW + 9 * DAY_SECONDS) is None, "dearer"
    assert reason(first, paying(nonce=2), signed) == ("pinned", 0)
    for other in (paying(units=11), paying(to=OTHER), paying(token=DUSD)):
        assert reason(first, other, signed) == ("differs", 0)
    assert reason("ff" * 32, paying(nonce=1), signed) == ("nonce-taken", 2)


def test_a_days_cap_counts_by_asset_and_begins_anew_the_next_day():
    signed = admitted(paying(60), paying(50, nonce=1, token=DUSD))
    assert reason("ff" * 32, paying(41, nonce=2), signed) == ("daily-cap", 2)
    assert reason("ff" * 32, paying(1, nonce=2, token=DUSD), signed) == ("daily-cap", 2)
    assert admit("ff" * 32, paying(40, nonce=2), CAPS, signed, NOW) is not None
    assert admit("ff" * 32, paying(100, nonce=2), CAPS, signed, NOW + DAY_SECONDS) is not None


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (replace(paying(), chain_id=1), "chain"),
        (paying(token=demo_token("DEUR")), "asset"),
        (paying(gas=2_000_000), "fee"),
        (paying(data=b"\1"), "not-a-transfer"),
        (replace(paying(), value=0), "not-a-transfer"),
        (replace(paying(token=DUSD), value=1), "not-a-transfer"),
        (replace(approve(TokenAmount(1, DUSD), TO), nonce=0, **FEES), "not-a-transfer"),
        (TransactionRequest(CHAIN, None, value=1, nonce=0, **FEES), "not-a-transfer"),
        (replace(paying(), access_list=((TO, ()),)), "not-a-transfer"),
    ],
)
def test_nothing_but_a_plain_transfer_of_a_listed_asset(request_, word):
    assert reason("ff" * 32, request_, Signed())[0] == word


def test_an_asset_has_one_name():
    for contract in (None, DUSD.address):
        assert asset_name(CHAIN, contract) == chain_asset(CHAIN, bytes(20) if contract is None else contract.raw)


@pytest.fixture
async def treasury(tmp_path):
    folder = tmp_path / "treasury"
    caps = {"chain_id": CHAIN, "fee_wei": str(CAPS.fee_wei), "assets": {NAME: "100"}}
    address = await make_treasury(folder, caps)
    pipe = TreasuryPipe(folder)
    assert await pipe.address() == address == keystore_address(folder)
    yield pipe, folder
    await pipe.close()


async def test_what_was_signed_outlives_a_kill_and_a_line_that_was_cut_short(treasury):
    pipe, folder = treasury
    first = await pipe.sign(b"\1" * 32, paying(90))
    assert first.request.sender == await pipe.address()
    assert SignedTransaction.decode(first.raw) == first
    pipe._channel.process.kill()
    await pipe._channel.process.wait()
    with (folder / "signed.jsonl").open("a") as file:
        file.write('{"id":"0202')  # a kill in the middle of writing down the next one
    assert (await pipe.sign(b"\1" * 32, paying(90))).raw == first.raw
    with pytest.raises(TreasuryRefused, match="daily-cap"):
        await pipe.sign(b"\2" * 32, paying(11, nonce=1))
    await pipe.sign(b"\2" * 32, paying(10, nonce=1))
    lines = [json.loads(line) for line in (folder / "signed.jsonl").read_text().splitlines()]
    assert [(line["id"][:2], line["nonce"], line["units"]) for line in lines] == [("01", 0, 90), ("02", 1, 10)]
    assert Payment(**lines[0]).asset == NAME


async def test_one_process_at_a_time_has_the_folder(treasury):
    _, folder = treasury
    second = TreasuryPipe(folder)
    with pytest.raises(TreasuryLost):
        await second.address()
    await second.close()
    with pytest.raises(TreasuryExists):
        await make_treasury(folder, {})


async def test_nobody_else_reads_its_files_and_the_key_is_in_none_of_them_openly(treasury):
    pipe, folder = treasury
    await pipe.sign(b"\1" * 32, paying())
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    assert folder.stat().st_mode & 0o077 == 0
    (folder / "password").chmod(0o640)
    pipe._channel.process.kill()
    await pipe._channel.process.wait()
    with pytest.raises(TreasuryLost):
        await pipe.sign(b"\1" * 32, paying())


async def test_without_a_treasury_there_is_none(tmp_path):
    with pytest.raises(TreasuryMissing):
        await TreasuryPipe(tmp_path / "treasury").address()


async def test_nonsense_on_the_pipe_is_refused_and_ends_nothing(treasury):
    pipe, _ = treasury
    for frame in ({"call": "key"}, {"call": "sign", "id": "01", "payload": "zz"}, {"call": "sign"}, {}):
        with pytest.raises(TreasuryRefused):
            await pipe._ask(frame)
    await asyncio.gather(*(pipe.sign(bytes([n]) * 32, paying(1, nonce=n)) for n in range(3)))


def test_no_module_imports_the_one_that_has_the_key():
    root = Path(__file__).resolve().parents[2]
    wrong = re.compile(r"from chain\.treasury import|import chain\.treasury\b|from chain import .*\btreasury\b")
    files = [file for package in ("api", "chain", "fiat", "wallet") for file in (root / package).rglob("*.py")]
    assert len(files) > 300 and not [file for file in files if wrong.search(file.read_text())]
