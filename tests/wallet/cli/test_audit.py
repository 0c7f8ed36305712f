"""`tandem audit` with a real server: one's own receipts and heads, an export of the journal, and what must not pass."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fiat.audit import audit as read_export
from tests.fiat.forgery import Forger
from tests.fiat.journal_maker import one_of_everything


@pytest.fixture
def home(people, tandem, tmp_path):
    """Alice's, once she has a receipt and heads, to be changed."""
    alice, bob = people
    paid = tandem("send", "0.05", "EUR", bob.in_full, "--yes", "--json", **alice.environ)
    assert paid.status == 0, paid.err
    assert tandem("balance", **alice.environ).status == 0
    copy = shutil.copytree(alice.environ["TANDEM_HOME"], tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    return {**alice.environ, "TANDEM_HOME": copy}


@pytest.fixture
def export(place, tmp_path):
    done = place.operate("export", str(tmp_path / "journal.export"))
    assert done.status == 0, done.stderr
    return tmp_path / "journal.export"


def change(home, name, edit):
    path = sorted(Path(home["TANDEM_HOME"]).rglob(name))[-1]
    document = json.loads(path.read_bytes())
    edit(document)
    path.write_text(json.dumps(document))


def damage_receipt(order):
    record = order["answer"]["receipt"]["record"]
    order["answer"]["receipt"]["record"] = record[:100] + ("1" if record[100] == "0" else "0") + record[101:]


def codes(done):
    return {finding["code"] for finding in done.json["findings"]}


def test_one_s_own_receipts_agree(tandem, home):
    done = tandem("audit", **home)
    assert done.status == 0 and "The ledger agrees with your own receipts up to" in done.out
    document = tandem("audit", "--json", **home).json
    assert document["verdict"] == "agrees" and document["receipts"] >= 1 and document["heads"] >= 2
    assert document["records"] >= 4 and document["remarks"] == []


def test_what_is_kept_is_compared_without_the_server_too(tandem, home):
    change(home, "servers.json", lambda known: known.update({"http://127.0.0.1:1": next(iter(known.values()))}))
    done = tandem("audit", **{**home, "TANDEM_SERVER": "http://127.0.0.1:1"})
    assert done.status == 0 and "The server gave no answer that could be checked" in done.out
    assert "The ledger agrees" in done.out


def test_a_tampered_receipt_is_told(tandem, home):
    change(home, "orders/0x*.json", damage_receipt)
    done = tandem("audit", **home)
    assert done.status == 1 and "A receipt that is kept does not hold" in done.out
    assert codes(tandem("audit", "--json", **home)) == {"receipt_refused"}


def test_the_receipt_of_a_notice_is_held_against_the_rest(tandem, home):
    order = json.loads(sorted(Path(home["TANDEM_HOME"]).rglob("orders/0x*.json"))[-1].read_bytes())
    before = tandem("audit", "--json", **home).json
    folder = next(Path(home["TANDEM_HOME"]).rglob("orders")).parent / "notices"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "5.json").write_text(json.dumps({"sequence": 5, "receipt": order["answer"]["receipt"]}))
    after = tandem("audit", "--json", **home).json
    assert (after["verdict"], after["receipts"]) == ("agrees", before["receipts"] + 1)
    damage_receipt({"answer": order["answer"]})
    (folder / "5.json").write_text(json.dumps({"sequence": 5, "receipt": order["answer"]["receipt"]}))
    done = tandem("audit", "--json", **home)
    assert (done.status, codes(done)) == (1, {"receipt_refused"})


def test_a_head_that_the_records_do_not_lead_to_is_told(tandem, home):
    """To this client another blinding value is the same as records that were changed behind its back."""
    change(home, "me.json", lambda me: me.update({"blind": "11" * 32}))
    done = tandem("audit", **home)
    assert done.status == 1 and "do not lead to the head that was signed" in done.out
    assert codes(tandem("audit", "--json", **home)) == {"chain_broken"}


def test_an_export_holds_and_agrees(tandem, home, export):
    done = tandem("audit", str(export), **home)
    assert done.status == 0, done.out
    assert "The journal holds from its first record to its last." in done.out
    assert "agrees with what this client keeps of it" in done.out
    document = tandem("audit", str(export), "--json", **home).json
    assert (document["verdict"], document["ledger"], document["failures"]) == ("holds", "known", [])
    assert document["last_seal"] == "0x" + read_export(io.BytesIO(export.read_bytes())).last_seal.hex()


def test_a_damaged_export_is_refused(tandem, home, export):
    damaged = bytearray(export.read_bytes())
    damaged[-100] ^= 1
    export.write_bytes(damaged)
    done = tandem("audit", str(export), **home)
    assert done.status == 1 and "no journal that an honest ledger could have written" in done.out
    assert tandem("audit", str(export), "--json", **home).json["failures"]


def test_another_ledger_s_export_is_told(tandem, home, tmp_path):
    made = one_of_everything()
    (tmp_path / "other").write_bytes(Forger(made.batches, made.seal_times).data)
    done = tandem("audit", str(tmp_path / "other"), "--json", **home)
    assert done.status == 1 and done.json["verdict"] == "holds" and codes(done) == {"another_ledger"}
    assert "another ledger than the one that this client knows" in tandem("audit", str(tmp_path / "other"), **home).out
    stranger = tandem("audit", str(tmp_path / "other"), "--json")
    assert stranger.status == 0 and stranger.json["ledger"] == "unknown"


def test_what_cannot_be_audited(tandem, tmp_path):
    assert tandem("audit", str(tmp_path / "missing")).status == 2
    (tmp_path / "statement.csv").write_text("sequence,date\n")
    wrong = tandem("audit", str(tmp_path / "statement.csv"))
    assert wrong.status == 2 and "is no journal export" in wrong.err
    assert tandem("audit").status == 1


def test_in_chinese(home):
    environment = {"PATH": os.environ["PATH"], **home, "TANDEM_LANG": "zh"}
    command = [str(Path(sys.executable).with_name("tandem")), "audit"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "账本与您自己的收据一致" in done.stdout
