"""The tariff: read from a file by name, published, and read again by whoever asks."""

from __future__ import annotations

import json

import pytest

from api.errors import SettingWrong
from api.fees import open_tariff
from api.settings import Settings
from fiat.errors import FeeScheduleWrong
from fiat.fee import FREE, FeeSchedule, PaidBy, fee_minor
from fiat.tariff import PAYERS, Tariff
from tests.api.conftest import Running
from tests.api.people import until

CODES = ("EUR", "JPY")
FILE = {
    "transfer": {"EUR": {"fixed_minor": "10", "rate_ppm": 1000, "maximum_minor": "500"}, "*": {"rate_ppm": 2000}},
    "topup": {"EUR": {"minimum_minor": "5"}},
}


@pytest.fixture
def read(tmp_path):
    def parsed(document):
        file = tmp_path / "fees.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        return open_tariff(file, CODES)

    return parsed


def test_without_a_file_nothing_costs_anything():
    tariff = open_tariff(None, CODES)
    assert all(tariff.schedule(kind, "EUR") is FREE for kind in PAYERS)
    assert [row["kind"] for row in tariff.rows()] == list(PAYERS)


def test_a_currency_of_its_own_goes_before_every_other(read):
    tariff = read(FILE)
    assert fee_minor(tariff.schedule("transfer", "EUR"), 10_000) == 20
    assert fee_minor(tariff.schedule("transfer", "JPY"), 10_000) == 20
    assert fee_minor(tariff.schedule("transfer", "EUR"), 10**9) == 500
    assert tariff.schedule("topup", "EUR") == FeeSchedule(minimum_minor=5, paid_by=PaidBy.PAYEE)
    assert tariff.schedule("topup", "JPY") is FREE


def test_what_is_published_is_read_as_it_is(read):
    rows = read(FILE).rows()
    assert Tariff.read(json.loads(json.dumps(rows))).rows() == rows
    assert Tariff.read([*rows, {"kind": "of a later version"}]).rows() == rows


@pytest.mark.parametrize("rows", [[{}], [{"kind": "topup", "currency": 1}], [{"kind": "hold"}] * 2])
def test_rows_that_make_no_sense(rows):
    with pytest.raises(FeeScheduleWrong):
        Tariff.read(rows)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "no JSON"),
        ('{"transfer": {"EUR": {"rate_ppm": 1}, "EUR": {}}}', "no JSON"),
        ([], "the file is an object"),
        ({"transfer": []}, "transfer is an object"),
        ({"transfer": {"EUR": 5}}, "transfer.EUR is an object"),
        ({"transfer": {"XXX": {}}}, "transfer.XXX: the currency is not offered here"),
        ({"gift": {"EUR": {}}}, "kind is one of topup, transfer"),
        ({"transfer": {"EUR": {"rate_ppm": 2_000_000}}}, "transfer.EUR: rate_ppm is 0 to 1000000"),
        ({"transfer": {"*": {"fixed_minor": "5"}}}, "currency is needed where minor units are named"),
        ({"transfer": {"EUR": {"paid_by": "payee"}}}, "paid_by is payer for transfer"),
        ({"mandate": {"EUR": {"rate_ppm": 5}}}, "charges nothing for mandate"),
    ],
)
def test_a_wrong_file_is_refused_at_its_place(read, document, words):
    with pytest.raises(SettingWrong) as refused:
        read(document)
    assert refused.value.fields["name"] == "TANDEM_FEES" and words in refused.value.fields["reason"]


def test_a_missing_file_is_named(tmp_path):
    settings = Settings.from_environment({"TANDEM_FEES": str(tmp_path / "none.json")})
    with pytest.raises(SettingWrong) as refused:
        open_tariff(settings.fees_file, CODES)
    assert "cannot be read" in refused.value.fields["reason"]


async def test_the_server_publishes_its_fees(caller):
    fees = (await caller.get("/v1/ledger")).json["fees"]
    assert [(row["kind"], row["currency"], row["fixed_minor"]) for row in fees] == [(k, None, "0") for k in PAYERS]
    assert Tariff.read(fees).schedule("transfer", "EUR").is_free


def test_the_server_does_not_start_with_wrong_fees(tmp_path):
    file = tmp_path / "fees.json"
    file.write_text('{"transfer": {"EUR": {"rate_ppm": -1}}}')
    done = Running(tmp_path / "state", "http://127.0.0.1:9", TANDEM_FEES=str(file)).run("serve", "--json")
    assert (done.returncode, json.loads(done.stdout)["name"]) == (1, "TANDEM_FEES")


async def test_a_top_ups_fee_is_kept_back_and_the_whole_is_in_the_books(tmp_path):
    file = tmp_path / "fees.json"
    file.write_text('{"topup": {"EUR": {"fixed_minor": "30", "rate_ppm": 10000}}}')
    server = Running(tmp_path / "state", "http://127.0.0.1:9", TANDEM_FEES=str(file)).start()
    try:
        alice = await (await server.person().register()).sign_in()
        path = f"/v1/topups/0x{'5a' * 32}"
        body = {"gateway": "sandbox", "currency": "EUR", "amount_minor": "1000"}
        assert (await alice.put(path, body)).json["fee_minor"] == "40"
        found = await until(lambda: alice.get(path), lambda answer: answer.json["state"] == "settled")
        assert (found.json["fee"], await alice.balance()) == ("0.40", 960)
        lines = (await alice.get("/v1/statements")).json["lines"]
        assert [(line["amount"], line["sequence"]) for line in lines] == [("9.60", found.json["sequence"])]
        used_up = {**body, "amount_minor": "30"}
        assert (await alice.put(f"/v1/topups/0x{'5b' * 32}", used_up)).slug == "fee_exceeds_amount"
        earned = json.loads(server.run("report", "income", "--json").stdout)
        assert earned["totals"] == [{"currency": "EUR", "net": "0.40", "net_minor": "40"}]
        assert server.run("db", "check").returncode == 0
    finally:
        server.stop()
