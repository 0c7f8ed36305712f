"""`tandem-server officer`: keys, papers and signatures as officers handle them, on a real server's ledger."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from api.cli import commands
from api.entry_words import RULES
from api.errors import OfficerDocumentMalformed, OfficerKeyRefused
from api.officer_document import KIND, EntryPaper, lines, read, write
from api.officer_key import load, make
from fiat import history
from fiat.currency import currency
from fiat.history_check import verify
from fiat.holder import account_id
from fiat.journal_engine import open_engine
from fiat.officer import Entry, counters_hash
from fiat.record import decode
from fiat.seal import Receipt, Seal
from tests.api.conftest import Running

API = Path(__file__).resolve().parents[2] / "api"
NOWHERE = "http://127.0.0.1:9"
PASSWORD = "correct horse battery"


class Bureau:
    """Two officers with their key files and the paper that they pass on."""

    def __init__(self, server: Running, folder: Path):
        self.server, self.folder = server, folder
        self.password = folder / "password"
        self.password.write_text(PASSWORD + "\n")
        self.addresses = {}

    async def run(self, *arguments, status=0):
        """In this process, since each of its own takes a while, and in a thread: commands have their own event loop."""
        given = ["officer", *map(str, arguments), "--json"]
        environment = self.server.environment
        ended = await asyncio.to_thread(
            CliRunner().invoke, commands, given, env=environment, standalone_mode=False, catch_exceptions=True
        )
        error = ended.exception
        if isinstance(error, click.UsageError):
            assert status == 2, error
            return None
        if error is not None and not isinstance(error, SystemExit):
            assert status == 1, repr(error)
            facts = error.fields() if callable(error.fields) else error.fields
            return {"error": type(error).__name__, **facts}
        assert ended.exit_code == status, ended.output
        return json.loads(ended.stdout)

    async def sequence(self):
        """Of the journal's last record."""
        engine = open_engine(f"sqlite:///{self.server.folder / 'tandem.sqlite3'}")
        async with engine.connect() as conn:
            last = await history.last_sequence(conn)
        await engine.dispose()
        return last

    async def keygen(self, name):
        made = await self.run("keygen", self.folder / name, "--password-file", self.password)
        self.addresses[name] = made["address"]

    async def set_up(self):
        for name in ("anna", "ben", "carl"):
            await self.keygen(name)
            assert stat.S_IMODE((self.folder / name).stat().st_mode) == 0o600
        for name in ("anna", "ben"):
            assert (await self.run("name", self.addresses[name], "--yes"))["first"]

    async def sign(self, paper, name, status=0):
        key = ("--key", self.folder / name, "--password-file", self.password, "--yes")
        return await self.run("sign", self.folder / paper, *key, status=status)

    async def propose(self, paper, *what, status=0):
        return await self.run("propose", *what, "--out", self.folder / paper, status=status)

    async def post(self, paper, status=0):
        return await self.run("post", self.folder / paper, status=status)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A server of these tests' own, three keys, and two officers who were named."""
    folder = tmp_path_factory.mktemp("office")
    server = Running(folder / "state", NOWHERE).start()
    bureau = Bureau(server, folder)
    asyncio.run(bureau.set_up())
    yield bureau
    assert server.stop() == 0, server.log


def checked(receipt, ledger_id, operator):
    """The record of a receipt as it came over HTTP, once its path and the operator's signature hold."""
    names = {re.sub("([A-Z])", r"_\1", name).lower(): value for name, value in receipt["seal"].items()}
    seal = Seal(**{n: bytes.fromhex(v[2:]) if v.startswith("0x") else int(v) for n, v in names.items()})
    path = tuple(bytes.fromhex(one[2:]) for one in receipt["path"])
    whole = Receipt(bytes.fromhex(receipt["record"][2:]), path, seal)
    return whole.check(ledger_id, bytes.fromhex(operator[2:]))


async def test_two_officers_hold_and_release_and_everybody_can_count_it(office):
    alice = await (await office.server.person("alice").register()).sign_in()
    await alice.top_up(90_000)
    assert (await office.run("name", "0x" + "11" * 20, "--yes", status=1))["rule"] == "officers_named_already"

    hold = ("hold", "inquiry", "--person", "@alice", "--amount", "300.00")
    paper = await office.propose("hold.json", *hold)
    entry = paper["entry"]
    assert (entry["amountMinor"], paper["handle"], paper["signatures"]) == ("30000", "alice", [])
    assert entry["debitAccount"] == str(account_id(alice.holder, currency("EUR")))
    await office.propose("hold.json", *hold, status=2)
    assert (await office.sign("hold.json", "anna"))["signatures"] == 1
    assert (await office.sign("hold.json", "anna"))["signatures"] == 1, "the same officer twice is one"
    before = await office.sequence()
    assert (await office.post("hold.json", status=1))["rule"] == "two_signatures_needed"
    assert await office.sequence() == before, "what is not signed opens no account either"
    assert (await office.sign("hold.json", "ben"))["signatures"] == 2
    posted = await office.post("hold.json")
    assert posted["first"]
    assert not (await office.post("hold.json"))["first"]
    other = read((office.folder / "hold.json").read_bytes())
    other = replace(other, entry=replace(other.entry, amount_minor=1))
    (office.folder / "changed.json").write_text(write(other))
    refused = await asyncio.to_thread(office.server.run, "officer", "post", str(office.folder / "changed.json"))
    assert refused.returncode == 1 and "this one differs from it. Nothing was written." in refused.stderr
    assert posted["receipt"]["record"].startswith("0x0105"), "version 1, an operator record"
    portfolio = (await alice.get("/v1/portfolio")).json
    euros = next(p for p in portfolio["positions"] if p["asset"] == "EUR")
    assert (euros["amount"], euros["available"]) == ("900.00", "600.00")

    (told,) = (await alice.get("/v1/notices")).json["items"]
    assert (told["reason"], told["hold_for"], told["state"], told["asked_minor"]) == (
        "hold",
        "inquiry",
        "active",
        "30000",
    )
    assert told["receipt"] == posted["receipt"]
    ledger = (await alice.get("/v1/ledger")).json
    record = checked(told["receipt"], office.server.ledger_id, ledger["operator"])
    assert (record.sequence, record.amount, record.debit_holder) == (told["sequence"], 30_000, alice.holder)
    assert [(c["reason"], c["count"], c["amount_minor"]) for c in ledger["counters"]] == [("hold", "1", "30000")]
    counted = {
        (c["reason_code"], int(c["ledger"])): (int(c["count"]), int(c["amount_minor"])) for c in ledger["counters"]
    }
    assert ledger["head"]["counters"] == "0x" + counters_hash(counted).hex()
    assert {o["address"].lower() for o in ledger["officers"]} == {office.addresses["anna"], office.addresses["ben"]}
    euro = next(r for r in ledger["reserves"] if r["currency"] == "EUR")
    assert (euro["credits"], euro["claim"]) == ("900.00", "credits match recorded reserves")
    assert int(euro["reserves_minor"]) >= int(euro["credits_minor"])

    await office.propose("release.json", "release", "--hold", posted["sequence"])
    for name in ("ben", "anna"):
        await office.sign("release.json", name)
    await office.post("release.json")
    items = (await alice.get("/v1/notices")).json["items"]
    assert [(one["reason"], one["state"]) for one in items] == [("release", "released"), ("hold", "released")]
    told = [(one["kind"], one["state"]) for one in (await alice.get("/v1/activity")).json["items"]]
    assert told == [("operator", "released"), ("operator", "reserved"), ("topup", "done")], "nothing left the account"
    listed = await office.run("list")
    assert [c["reason"] for c in listed["counters"]] == ["hold", "release"]
    engine = open_engine(f"sqlite:///{office.server.folder / 'tandem.sqlite3'}")
    assert (await verify(engine)).problems == []
    await engine.dispose()


async def test_what_can_never_be_posted_is_refused_when_it_is_proposed(office):
    """Each once with the rule that the ledger would name, and one of each kind that it would take."""
    nora, otto = [await (await office.server.person(name).register()).sign_in() for name in ("nora", "otto")]
    await nora.top_up(50_000)
    await otto.top_up(1_000)
    paid = await nora.order(nora.transfer(otto.holder, 700, "@otto\nlamp"))
    record = str(decode(bytes.fromhex(paid.json["receipt"]["record"][2:])).sequence)
    on = ("--person", "@nora", "--amount", "3")
    paper, cap = ("--document", "0x" + "5a" * 32), ("--cap", "10")
    undoing = ("hold", "undoing", "--person", "@otto", "--undoes", record)
    for rule, what in (
        ("document_missing", ("hold", "compelled", *on, *cap)),
        ("cap_missing", ("hold", "compelled", *on, *paper)),
        ("over_the_cap", ("hold", "compelled", *on, *paper, "--cap", "2")),
        ("document_missing", ("compelled", "tax_without_notice", *on, *cap)),
        ("document_not_of_this_reason", ("hold", "inquiry", *on, *paper)),
        ("notice_too_short", ("hold", "inquiry", *on, "--days", "3")),
        ("never_recoverable", ("hold", "recovery", "--person", "@nora", "--successor", "@otto")),
        ("successor_missing", ("hold", "recovery", "--person", "@nora")),
        ("record_undone_is_another_accounts", ("hold", "undoing", *on, "--undoes", record)),
        ("record_undone_unknown", ("hold", "undoing", *on, "--undoes", "1")),
        ("undoes_missing", ("hold", "undoing", *on)),
        ("more_than_the_rest", (*undoing, "--amount", "7.01")),
        ("amount_missing", ("hold", "inquiry", "--person", "@nora")),
        ("hold_unknown", ("undoing", "error", "--person", "@nora", "--amount", "1")),
        ("hold_unknown", ("release", "--hold", record)),
        ("account_unknown", (*undoing, "--currency", "USD")),
        ("account_unknown", ("credit", "goodwill", *on, "--from", "nowhere")),
    ):
        refused = await office.propose("never.json", *what, status=1)
        assert refused == {"error": "EntryRefused", "rule": rule}, (what, refused)
    assert not (office.folder / "never.json").exists()
    for number, what in enumerate((
        ("hold", "compelled", *on, *paper, *cap),
        ("compelled", "tax_without_notice", *on, *paper, *cap),
        ("hold", "inquiry", *on, "--days", "90"),
        (*undoing, "--amount", "2"),
    )):  # fmt: skip
        await office.propose(f"fine{number}.json", *what)
        for name in ("anna", "ben"):
            await office.sign(f"fine{number}.json", name)
        posted = await office.post(f"fine{number}.json")
        assert posted["first"], what
    take = await office.propose("take.json", "undoing", "error", "--hold", posted["sequence"])
    assert take["entry"]["amountMinor"] == "200", "signed during the notice, posted after it"
    assert [(one["handle"], one["purpose"]) for one in take["accounts"]] == [("otto", "main"), ("nora", "main")]

    rest = await office.propose("rest.json", *undoing)
    assert rest["entry"]["amountMinor"] == "500", "no amount: what the other undoing left"
    told = list(lines(read((office.folder / "rest.json").read_bytes())))
    assert f"to: the account of holder 0x{nora.holder.hex()} (claimed to be @nora)" in told
    assert not any("cannot name" in line for line in told)
    forged = read((office.folder / "rest.json").read_bytes())
    forged = replace(forged, accounts=tuple(replace(one, holder=otto.holder) for one in forged.accounts))
    assert any("cannot name" in line for line in lines(forged)), "a name that the signed id does not follow from"


async def test_what_the_ledger_refuses_is_said_and_papers_are_checked(office):
    alice = await (await office.server.person("bella").register()).sign_in()
    await alice.top_up(10_000)
    assert (await office.propose("x.json", "hold", "gossip", "--person", "@bella", "--amount", "1", status=1))["rule"]
    missing = await office.propose("x.json", "hold", "inquiry", "--person", "@nobody", "--amount", "1", status=1)
    assert missing["error"] == "NotFound"
    assert await office.run("name", office.addresses["carl"], status=2) is None, "nobody to ask, and no --yes"
    late = ("hold", "inquiry", "--person", "@bella", "--amount", "1", "--days", "4")
    await office.propose("soon.json", *late)
    paper = read((office.folder / "soon.json").read_bytes())
    soon = replace(paper, entry=replace(paper.entry, until=paper.entry.until - 3 * 86_400))
    (office.folder / "soon.json").write_text(write(soon))
    for name in ("anna", "ben"):
        await office.sign("soon.json", name)
    assert (await office.post("soon.json", status=1))["rule"] == "notice_too_short"
    gift = ("credit", "goodwill", "--person", "0x" + alice.holder.hex(), "--amount", "5")
    credit = await office.propose("gift.json", *gift)
    assert credit["handle"] == "bella"
    for name in ("anna", "carl"):
        await office.sign("gift.json", name)
    assert (await office.post("gift.json", status=1))["rule"] in ("officer_not_in_force", "account_unknown")

    for option in ("--hold", "--undoes", "--days"):
        for number in ("9" * 30, "-1"):
            await office.run("propose", "release", option, number, "--out", office.folder / "no.json", status=2)
    paper = read((office.folder / "soon.json").read_bytes())
    other = replace(paper, entry=replace(paper.entry, nonce=bytes(32), currency="ZZZ"), signatures=())
    (office.folder / "other.json").write_text(write(other))
    for name in ("anna", "ben"):
        await office.sign("other.json", name)
    before = await office.sequence()
    assert (await office.post("other.json", status=1))["error"] == "CurrencyUnknown"
    assert await office.sequence() == before, "no account in a currency that the ledger does not offer"
    (office.folder / "torn.json").write_text("{")
    refused = await asyncio.to_thread(office.server.run, "officer", "post", str(office.folder / "torn.json"))
    assert (refused.returncode, "JsonMalformed" in refused.stderr) == (1, False), refused.stderr

    changed = json.loads((office.folder / "soon.json").read_text())
    changed["entry"]["amountMinor"] = "2"
    (office.folder / "forged.json").write_text(json.dumps(changed))
    assert (await office.post("forged.json", status=1))["error"] == "OfficerDocumentMalformed"
    changed = json.loads((office.folder / "soon.json").read_text()) | {"handle": "\x1b[2Jbank"}
    (office.folder / "ugly.json").write_text(json.dumps(changed))
    assert (await office.sign("ugly.json", "anna", status=1))["error"] == "OfficerDocumentMalformed"

    ledger_id = "0x" + office.server.ledger_id.hex()
    signing = ("--ledger", ledger_id, "--key", office.folder / "anna", "--password-file", office.password, "--yes")
    await office.run("change", "add", office.addresses["carl"], *signing, "--out", office.folder / "carl.json")
    assert (await office.post("carl.json"))["first"]
    listed = {o["address"].lower(): o["effective_at"] for o in (await office.run("list"))["officers"]}
    assert listed[office.addresses["carl"]] > listed[office.addresses["anna"]]
    told = await asyncio.to_thread(office.server.run, "officer", "list")
    assert told.returncode == 0
    assert sum(line.startswith("0x") for line in told.stdout.splitlines()) == 3
    refused = await asyncio.to_thread(office.server.run, "officer", "post", str(office.folder / "soon.json"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"The ledger refused this: {RULES['notice_too_short']}. Nothing was written.\n"
    for person, amount, said in (("@zed", "5", "nobody and no record"), ("@bella", "5,0", "“5,0” is no amount")):
        words = ("credit", "goodwill", "--person", person, "--amount", amount, "--out", str(office.folder / "no.json"))
        refused = await asyncio.to_thread(office.server.run, "officer", "propose", *words)
        assert refused.returncode == 1 and said in refused.stderr


def test_a_key_file_opens_with_its_password_alone(tmp_path):
    file = tmp_path / "key"
    address = make(file, PASSWORD)
    assert load(file, PASSWORD).address == address
    assert PASSWORD not in file.read_text()
    with pytest.raises(FileExistsError):
        make(file, PASSWORD)
    for wrong, reason in ((PASSWORD + "x", "wrong_password"), ("", "wrong_password")):
        with pytest.raises(OfficerKeyRefused) as caught:
            load(file, wrong)
        assert caught.value.fields == {"reason": reason}
    with pytest.raises(OfficerKeyRefused):
        make(tmp_path / "short", "short")
    document = json.loads(file.read_text())
    for change in ({"memory_kib": 8}, {"memory_kib": 2**40}, {"passes": True}, {"kind": "x"}, {"sealed": "zz"}):
        file.write_text(json.dumps(document | change))
        with pytest.raises(OfficerKeyRefused):
            load(file, PASSWORD)
    file.write_text(json.dumps(document | {"address": "0x" + "00" * 20}))
    with pytest.raises(OfficerKeyRefused):
        load(file, PASSWORD)
    for name in ("salt", "nonce", "sealed", "kind", "lanes"):
        for other in ({}, {name: None}, {name: 5}):
            file.write_text(json.dumps({k: v for k, v in document.items() if k != name} | other))
            with pytest.raises(OfficerKeyRefused):
                load(file, PASSWORD)
    file.write_text(json.dumps(document))
    file.chmod(0o640)
    with pytest.raises(OfficerKeyRefused):
        load(file, PASSWORD)


STRANGE = (5, None, True, [], {}, [5], [None], "", "0x", "\u202e", "01", "-1", "1" * 39, "\u00b2", 10**400)


def test_a_paper_of_another_shape_is_refused_by_name():
    """It comes from somebody else's machine, and the officer who reads it types yes below what it says."""
    entry = Entry(
        reason=4,
        reason_code=4,
        nonce=b"\1" * 32,
        debit_account=5,
        credit_account=6,
        amount_minor=7,
        until=2**64 - 1,
        currency="EUR",
        exponent=2,
    )
    paper = EntryPaper(b"\2" * 32, entry, b"\3" * 32, "bob")
    good = paper.to_json()
    assert read(write(paper).encode()) == paper
    assert any(str(2**64 - 1) in line for line in lines(paper))
    change = {"kind": KIND, "ledger_id": good["ledger_id"], "order": {}, "signature": "0x" + "00" * 65}
    documents = [good | {name: value} for name in set(good) - {"handle", "signatures", "accounts"} for value in STRANGE]
    documents += [good | {"entry": good["entry"] | {name: value}} for name in good["entry"] for value in STRANGE]
    documents += [good | {name: value} for name in ("signatures", "accounts") for value in STRANGE if value != []]
    named = {"holder": "0x" + "33" * 32, "purpose": "main", "handle": "bob"}
    assert read(json.dumps(good | {"accounts": [named]}).encode()).accounts[0].handle == "bob"
    documents += [
        good | {"accounts": [named | change]} for change in ({"holder": "0x33"}, {"purpose": "\u202e"}, {"handle": 5})
    ]
    documents += [good | {"handle": value} for value in (5, None, [], {}, [5], "\u202e")]
    documents += [change | {name: value} for name in change for value in STRANGE]
    for document in documents:
        with pytest.raises(OfficerDocumentMalformed):
            read(json.dumps(document).encode())


def test_only_the_officers_command_imports_the_room_of_their_keys():
    """The serving program never does: it loads a command module only when it is called."""
    importers = {
        path.relative_to(API).as_posix()
        for path in API.rglob("*.py")
        if re.search(r"^(from|import) .*\b(officer_key|commands\.officer)\b", path.read_text(), re.M)
    }
    assert importers == {"commands/officer.py"}
