"""The auditor on honest journals, on forged ones whose every other proof was made good, and on damaged bytes."""

from __future__ import annotations

import ast
import io
import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from fiat import audit as auditor
from fiat import audit_state, audit_values
from fiat.audit import audit
from fiat.authority import legs as order_legs
from fiat.chart import SourceKind
from fiat.currency import ISO_4217, currency
from fiat.history_export import export
from fiat.holder import MAIN, OPERATOR, leg_id
from fiat.journal import Journal
from fiat.journal_values import Source
from fiat.transfer import Transfer
from tests.fiat.forgery import ALICE, BOB, OPERATOR_KEY, SECOND, STRANGER, Forger, honest
from tests.fiat.test_audit_entries import FORGERIES as ENTRY_FORGERIES
from tests.fiat.test_audit_orders import FORGERIES as ORDER_FORGERIES
from tests.fiat.test_audit_orders import fresh

EUR = currency("EUR")
OURS = ("fiat", "api", "wallet", "chain", "tests")

FIRST = {"kind": "TransferRecord", "amount": 1_000}
FEE = {"kind": "TransferRecord", "amount": 10}
SECOND_ORDER = {"kind": "TransferRecord", "amount": 2_000}
WITHDRAWAL = {"kind": "TransferRecord", "amount": 700, "debit_holder": ALICE.id}
BANK = {"kind": "AccountRecord", "purpose": "clearing:sandbox"}
FEES = {"kind": "AccountRecord", "purpose": "fees"}
MAIN_OF_ALICE = {"kind": "AccountRecord", "holder": ALICE.id}
OPENING = {"kind": "KeyRecord", "holder": ALICE.id}
EXPIRY = {"kind": "ExpiryRecord", "amount": 80}


def id_(number):
    return {"kind": "TransferRecord", "id": number}


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    return honest(tmp_path_factory.mktemp("audited"))


def read(data):
    return audit(io.BytesIO(data))


def swap_expiries(f):
    early, late = f.where(kind="ExpiryRecord", amount=80), f.where(kind="ExpiryRecord", amount=50)
    one, two = f.batches[early[0]][early[1]], f.batches[late[0]][late[1]]
    del f.batches[early[0]][early[1]]
    f.batches[late[0]][late[1] : late[1] + 1] = [replace(two, timestamp=one.timestamp + 21 * SECOND), one]
    f.change(EXPIRY, timestamp=two.timestamp + 1)
    f.change(id_(14), timestamp=two.timestamp + 2)
    f.seal_times[late[0]] += 10


def post_after_its_time(f):
    f.change(id_(4), timeout=1)
    f.change(id_(5), timestamp=f.get(**id_(4)).timestamp + SECOND)
    f.seal_times[f.where(**id_(5))[0]] = f.get(**id_(5)).timestamp


def take_without_order(f):
    """The operator helps itself to Alice's money in a plain transfer."""
    f.change(id_(12), debit_account_id=ALICE.account, debit_holder=ALICE.id)


def repeat_order(f):
    number, place = f.where(**SECOND_ORDER)
    again = replace(f.batches[number][place], timestamp=f.batches[number][place].timestamp + 1)
    f.batches[number].append(again)
    f.seal_times[number] += 1


def second_genesis(f):
    f.put(replace(f.batches[0][0], timestamp=f.get(**BANK).timestamp + 1), behind=BANK)


def reopen(f, wanted):
    f.put(replace(f.get(**wanted), timestamp=f.get(**wanted).timestamp + 1), behind=wanted)
    shift(f, wanted)


def shift(f, wanted):
    """Room behind a record that was doubled: what follows in its batch is one nanosecond later, its seal too."""
    number, place = f.where(**wanted)
    for later in range(place + 2, len(f.batches[number])):
        record = f.batches[number][later]
        f.batches[number][later] = replace(record, timestamp=record.timestamp + 1)
    f.seal_times[number] += 1


def other_leg_order(f):
    f.change(FEE, leg=2, user_data_32=2, id=leg_id(ALICE.id, f.get(**FIRST).order.order.nonce, 2))


def cut_leg(f):
    f.change(FIRST, flags=0)
    f.change(FEE, debit_account_id=f.get(**BANK).id, debit_holder=bytes(32))


def expire_posted(f):
    pending = f.get(**id_(4))
    fake = replace(f.get(**EXPIRY), pending_id=4, amount=60, credit_account_id=pending.credit_account_id)
    f.batches[f.where(**EXPIRY)[0]].insert(0, replace(fake, timestamp=f.get(**EXPIRY).timestamp - 1))


def head_of_bob(f):
    f.change_order(FIRST, seen_head=BOB.id)


FORGERIES = {
    # whose word it is
    "seal_signature_wrong": lambda f: setattr(f, "key", STRANGER),
    "seal_number_wrong": lambda f: f.seal_changes.update({3: {"number": 9}}),
    "seal_previous_wrong": lambda f: f.seal_changes.update({3: {"previous": bytes(32)}}),
    "seal_sequence_wrong": lambda f: f.seal_changes.update({3: {"first_sequence": 9}}),
    "seal_counters_wrong": lambda f: f.seal_changes.update({3: {"counters": bytes([1]) * 32}}),
    "seal_root_wrong": lambda f: f.seal_changes.update({3: {"root": bytes(32)}}),
    "seal_time_wrong": lambda f: f.seal_changes.update({3: {"timestamp": 5}}),
    "genesis_repeated": second_genesis,
    "genesis_missing": lambda f: f.drop(kind="GenesisRecord"),
    # order of records
    "sequence_gap": lambda f: (setattr(f, "renumber", False), f.drop(**id_(12))),
    "time_not_increasing": lambda f: f.change(id_(12), timestamp=f.get(**id_(11)).timestamp),
    "link_wrong": lambda f: (setattr(f, "relink", False), f.change(FIRST, debit_link=bytes(32))),
    "link_unexpected": lambda f: (setattr(f, "relink", False), f.change(BANK, link=bytes([1]) * 32)),
    # accounts and holders
    "account_id_wrong": lambda f: f.change(BANK, purpose="clearing:elsewhere"),
    "account_ledger_wrong": lambda f: f.change(BANK, ledger=f.get(**BANK).ledger + 1),
    "account_malformed": lambda f: f.change(BANK, code=0),
    "account_flags_wrong": lambda f: f.change(BANK, flags=6),
    "account_floor_missing": lambda f: f.change(MAIN_OF_ALICE, flags=8),
    "account_reopened": lambda f: reopen(f, BANK),
    "exponent_changed": lambda f: f.change(MAIN_OF_ALICE, exponent=0),
    "holder_id_wrong": lambda f: f.change(OPENING, key=STRANGER.address),
    "holder_reopened": lambda f: reopen(f, OPENING),
    "holder_unknown": lambda f: f.drop(**OPENING),
    "holder_wrong": lambda f: f.change(id_(1), credit_holder=BOB.id),
    "key_action_unknown": lambda f: f.change(OPENING, action=10),
    "key_epoch_wrong": lambda f: f.change(OPENING, epoch=2),
    "key_malformed": lambda f: f.change(OPENING, value=1),
    "key_order_unexpected": lambda f: f.change(OPENING, order=f.get(**FIRST).order),
    # orders
    "debit_unauthorised": take_without_order,
    "order_signature_wrong": lambda f: f.change_order(FIRST, key=STRANGER),
    "order_epoch_wrong": lambda f: f.change_order(FIRST, key_epoch=2),
    "order_head_unknown": head_of_bob,
    "order_holder_unknown": lambda f: f.change_order(FIRST, holder=bytes([7]) * 32),
    "nonce_reused": repeat_order,
    "order_window_wrong": lambda f: f.change_order(FIRST, valid_after=0),
    "order_too_early": lambda f: f.change_order(FIRST, valid_after=1_800_000_100),
    "order_too_late": lambda f: f.change_order(FIRST, valid_after=1_799_990_000, valid_before=1_799_990_600),
    "order_amount_wrong": lambda f: f.change_order(SECOND_ORDER, amount_minor=1_999),
    "order_total_exceeded": lambda f: f.change_order(FIRST, total_max_minor=1_009),
    "order_payee_wrong": lambda f: f.change_order(FIRST, payee=ALICE.id),
    "order_destination_wrong": lambda f: f.change(WITHDRAWAL, credit_account_id=f.get(**BANK).id),
    "order_currency_wrong": lambda f: f.change_order(FIRST, currency="USD"),
    "order_exponent_wrong": lambda f: f.change_order(FIRST, exponent=0),
    "order_debits_another": lambda f: f.change(FEE, debit_account_id=BOB.account, debit_holder=BOB.id),
    "order_inside_another": lambda f: f.change(FEE, order=f.get(**FIRST).order),
    "leg_id_wrong": lambda f: f.change(FEE, id=99),
    "leg_number_wrong": other_leg_order,
    "leg_reference_wrong": lambda f: f.change(FEE, user_data_128=1),
    "leg_without_order": cut_leg,
    "chain_open": lambda f: f.change(id_(12), flags=1),
    # double entry by replay
    "id_reused": lambda f: f.change(id_(12), id=2),
    "id_malformed": lambda f: f.change(id_(12), id=0),
    "account_unknown": lambda f: f.change(id_(12), credit_account_id=12345),
    "accounts_same": lambda f: f.change(id_(12), credit_account_id=f.get(**id_(12)).debit_account_id),
    "ledger_wrong": lambda f: f.change(id_(12), ledger=1),
    "code_missing": lambda f: f.change(id_(12), code=0),
    "flags_wrong": lambda f: f.change(id_(12), flags=64),
    "pending_id_unexpected": lambda f: f.change(id_(12), pending_id=3),
    "timeout_unexpected": lambda f: f.change(id_(12), timeout=3),
    "balance_below_floor": lambda f: f.change(id_(1), amount=3_000),
    "balance_above_ceiling": lambda f: f.change(FEES, flags=4),
    "balance_overflows": lambda f: f.change(id_(12), amount=2**63 - 1),
    "balancing_too_much": lambda f: f.change(id_(9), amount=701),
    "account_closed": lambda f: f.change(id_(8), flags=4, pending_id=4, amount=45),
    "source_reused": lambda f: f.change(id_(2), source_id=f.get(**id_(1)).source_id),
    "source_malformed": lambda f: f.change(id_(12), source_id=bytes([1]) * 32),
    # pending transfers
    "pending_unknown": lambda f: f.change(id_(5), pending_id=77),
    "pending_resolved": lambda f: f.change(id_(8), pending_id=4, amount=60),
    "pending_expired": post_after_its_time,
    "pending_differs": lambda f: f.change(id_(5), code=6),
    "pending_exceeded": lambda f: f.change(id_(5), amount=61),
    "void_partial": lambda f: f.change(id_(8), amount=69),
    "expiry_missing": lambda f: f.drop(**EXPIRY),
    "expiry_of_nothing": expire_posted,
    "expiry_too_early": lambda f: f.change(id_(7), timeout=60),
    "expiry_differs": lambda f: f.change(EXPIRY, amount=79),
    "expiry_out_of_turn": swap_expiries,
}


def test_an_honest_journal_passes(journal):
    report = read(journal)
    assert report.failures == []
    forger = Forger.of(journal)
    assert (report.ledger_id, report.operator) == (forger.ledger_id, OPERATOR_KEY.address)
    assert (report.records, len(report.seals), report.sequence) == (29, 20, 28)
    assert forger.data == journal, "what is taken apart and not forged is the same again"


def test_every_honest_prefix_passes_and_its_last_seal_tells_where_it_ends(journal):
    seals = set()
    forger = Forger.of(journal)
    while len(forger.batches) > 1:
        forger.batches.pop()
        report = read(forger.data)
        assert report.honest
        seals.add(report.last_seal)
    assert len(seals) == 19


@pytest.mark.parametrize("code", FORGERIES)
def test_a_forged_journal_is_rejected_with_its_own_code(journal, code):
    forger = Forger.of(journal)
    FORGERIES[code](forger)
    report = read(forger.data)
    assert code in report.codes, report.failures


def test_bytes_that_are_no_journal(journal):
    body = 16 + 193 + 4
    for code, data in {
        "magic_wrong": b"T" + journal[1:],
        "genesis_missing": journal[:16],
        "export_truncated": journal[:-1],
        "record_version_unknown": journal[:body] + b"\2" + journal[body + 1 :],
        "record_kind_unknown": journal[: body + 1] + b"\x09" + journal[body + 2 :],
        "record_length_wrong": journal[: body - 4] + b"\0\0\0\x47" + journal[body:],
        "seal_size_wrong": journal[: 16 + 48] + bytes(8) + journal[16 + 56 :],
    }.items():
        assert code in read(data).codes, code


def test_records_that_are_not_canonical(journal):
    forger = Forger.of(journal)
    account, paid = forger.get(**BANK).encode(), forger.get(**FIRST).encode()
    for code, body in {
        "record_text_wrong": account[:98] + b"\n" + account[99:],
        "order_type_unknown": paid[: 18 + 284] + b"\7" + paid[18 + 285 :],
        "record_length_wrong": paid + b"\0",
    }.items():
        with pytest.raises(audit_values.Unreadable) as refused:
            audit_values.parse_record(body)
        assert refused.value.code == code


def flipped(journal, count, seed):
    random = Random(seed)
    for _ in range(count):
        data, bit = bytearray(journal), random.randrange(len(journal) * 8)
        data[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(data)


def passing(journal, count, seed):
    return [bit for bit, data in flipped(journal, count, seed) if read(data).honest]


def test_no_flipped_bit_passes(journal):
    assert passing(journal, 120, 1) == passing(fresh().data, 180, 2) == []


@pytest.mark.slow
def test_no_flipped_bit_passes_at_length(journal):
    assert passing(journal, 4_000, 3) == passing(fresh().data, 6_000, 4) == []


def flip_under_seal(forger, sequence, bit):
    """One bit of one record flipped, everything around it made good again by the operator."""

    def damage(at, body):
        if at != sequence:
            return body
        damaged = bytearray(body)
        damaged[bit % (len(body) * 8) // 8] ^= 1 << bit % 8
        return bytes(damaged)

    forger.damage = damage
    return forger.data


def test_no_lie_makes_the_auditor_stumble():
    """Whatever stands in a record, there is a verdict; and hardly a bit of it is free to be another."""
    random, passed = Random(5), []
    records = [record for batch in fresh().batches for record in batch]
    for _ in range(250):
        sequence, bit = random.randrange(1, len(records)), random.randrange(8 * 700)
        if read(flip_under_seal(fresh(), sequence, bit)).honest:
            passed.append((type(records[sequence]).__name__, bit % (len(records[sequence].encode()) * 8) // 8))
    assert len(passed) <= 25, passed


def codes_of(source):
    """Codes are in the source as texts given to `require`, `fail` and Unreadable, or yielded."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Constant):
            found.add(node.value.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "self.require",
            "self._same",
            "self.fail",
            "Unreadable",
        ):
            found |= {c.value for a in node.args[-1:] for c in ast.walk(a) if isinstance(c, ast.Constant)}
    return {code for code in found if isinstance(code, str) and "_" in code} - {"pending_id"}


def test_every_code_has_its_forgery():
    rooms = (auditor, audit_values, audit_state)
    codes = set[str]().union(*(codes_of(Path(room.__file__).read_text()) for room in rooms))
    forged = FORGERIES.keys() | {code for code, _ in (*ORDER_FORGERIES, *ENTRY_FORGERIES)}
    known = forged | set(re.findall(r'^        "(\w+)":', Path(__file__).read_text(), re.M))
    known |= set(re.findall(r'"(settlement_\w+)"', Path(__file__).with_name("test_orders_bridges.py").read_text()))
    assert len(forged) >= 40
    assert codes <= known
    documented = set(re.findall(r"`(\w+)`", Path("docs/export.md").read_text()))
    assert codes <= documented
    assert {code for code in documented if code.rpartition("_")[2] in ("wrong", "exceeded", "unknown")} <= codes


def test_the_auditor_stands_alone():
    """Three rooms, which import each other and nothing else of the project."""
    rooms = {"fiat.audit", "fiat.audit_values", "fiat.audit_state"}
    for room in (auditor, audit_values, audit_state):
        imported = [n for n in ast.walk(ast.parse(Path(room.__file__).read_text())) if isinstance(n, ast.ImportFrom)]
        assert not [n.module for n in imported if n.module.split(".")[0] in OURS and n.module not in rooms]


async def test_both_databases_give_an_export_that_passes(engine):
    ledger = await Journal.open(engine, OPERATOR_KEY)
    bank = await ledger.open_account(OPERATOR, EUR, "clearing:sandbox")
    for person in (ALICE, BOB):
        await ledger.open_holder(person.genesis, [(EUR, MAIN)])
    source = Source(SourceKind.SANDBOX_TOPUP, bytes([1]) * 32)
    await ledger.post([Transfer(1, bank.id, ALICE.account, 900, ledger=EUR.ledger, code=5)], source)
    signed = ALICE.pay(ledger, BOB, 300)
    assert (
        await ledger.submit(signed, order_legs(signed.order, ledger.ledger_id, ISO_4217, payout="payout:x"))
    ).accepted
    await ledger.close()
    async with engine.connect() as conn:
        report = read(b"".join([piece async for piece in export(conn)]))
    assert report.failures == []
    assert (report.ledger_id, report.sequence) == (ledger.ledger_id, ledger.sequence)
