"""What people read: tables, colours, other people's text, and a sentence for whatever goes wrong."""

from __future__ import annotations

import json

import pytest

from fiat.head import Balance, Head
from wallet.cli import problems
from wallet.cli.ask import check_positions, short_price
from wallet.cli.failure import report
from wallet.cli.grid import grid, width
from wallet.cli.inert import inert
from wallet.errors import InputMalformed, ProofMissing, ServerRefused, StateBusy


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2777.7777", "≈2777.77"),
        ("1", "1"),
        ("1.50", "1.50"),
        ("0.92592592", "≈0.9259"),
        ("0.0000123456", "≈0.00001234"),
        ("3000.0000", "3000.00"),
        ("0", "0"),
    ],
)
def test_prices_are_cut_not_rounded_and_marked(text, shown):
    assert short_price(text) == shown


HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "a\rb",
    "a\nb",
    "\u202eevil",
    "zero\u200bwidth",
    "\x9b2J",
    "bell\x07",
    "line\u2028end",
    "\ud800",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_other_peoples_text_cannot_move_the_cursor(text):
    shown = inert(text)
    assert shown.isprintable() and len(shown) <= 200
    assert "\x1b" not in grid(["A"], [[text]])


def test_i06_a_servers_sentence_is_shown_as_its_claim_and_inert(capsys):
    status = report(
        ServerRefused("host", 422, "odd_slug", "[bold]Update\x1b[2J now[/bold] https://evil", {}), as_json=False
    )
    said = capsys.readouterr().err
    assert status == 1 and "it says: “[bold]Update�[2J now[/bold] https://evil”" in said


def test_chinese_takes_two_columns():
    assert width("金额") == 4
    lines = grid(["A", ">B"], [["金额", "1"], ["ab", "22"]]).splitlines()
    assert len({width(line) for line in lines}) == 1


def test_colour_is_for_terminals_and_for_who_asks(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert "\x1b" not in grid(["A"], [["b"]], ["in"])
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32mb" in grid(["A"], [["b"]], ["in"])
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in grid(["A"], [["b"]], ["in"])


def test_whatever_happens_a_person_reads_one_sentence(capsys, monkeypatch):
    assert report(ValueError("secret words"), as_json=False) == 1
    said = capsys.readouterr()
    assert said.err == "Something went wrong inside (ValueError).\n" and said.out == ""
    monkeypatch.delitem(problems.ROWS, StateBusy)  # a row that was forgotten
    assert report(StateBusy("/x"), as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["slug"] == "internal"


def test_a_problem_as_json_carries_its_facts(capsys):
    assert report(InputMalformed("payee", "bob", "@handle or an address is expected"), as_json=True) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["slug"] == "input-malformed" and document["field"] == "payee" and document["exit"] == 2


def test_balances_that_the_operator_did_not_sign_are_not_shown():
    head = Head(
        holder=bytes(32),
        count=1,
        head=bytes(32),
        balances=(Balance(1, "EUR", 2, 5, 100, 0, 300),),
        sequence=1,
        timestamp=1,
    )
    row = {"asset": "EUR", "rail": "ledger", "amount_minor": "200", "available_minor": "195"}
    row |= {"amount": "2.00", "available": "1.95"}
    check_positions("host", [row, {"asset": "ETH", "rail": "chain"}], head)
    for changed in ({"amount_minor": "201"}, {"available_minor": "200"}, {"asset": "USD"}):
        with pytest.raises(ProofMissing):
            check_positions("host", [row | changed], head)
