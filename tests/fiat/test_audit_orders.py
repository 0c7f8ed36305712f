"""The auditor on orders: holds, mandates, conversions, keys, limits and the brake, each rule broken once."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from fiat.audit import audit
from fiat.order import LedgerControl, SignedOrder
from fiat.record import KeyRecord
from tests.fiat.forgery import Forger
from tests.fiat.journal_maker import (
    ALICE,
    BOB,
    DAN,
    ERIN,
    HOUR,
    NO_LIMIT,
    PHONE,
    SECOND,
    TABLET,
    number,
    one_of_everything,
)

MADE = one_of_everything()


def moved(amount, **fields):
    """The first transfer of that amount."""
    return {"kind": "TransferRecord", "amount": amount} | fields


def key_record(action, **fields):
    return {"kind": "KeyRecord", "action": action, "holder": ALICE.id} | fields


FIRST, FEE, SECOND_ORDER = moved(1_000), moved(10), moved(2_000)
CONVERSION, RECEIVED = moved(400), moved(440)
HOLD, CAPTURE, REST, LAST_CAPTURE, RELEASE = moved(3_000), moved(1_001), moved(1_999), moved(1_002), moved(303, flags=8)
MANDATE, COLLECTION, SECOND_COLLECTION, LATE_COLLECTION = moved(0, code=11), moved(60), moved(40), moved(99)
ADD_PHONE, ADD_TABLET = key_record(2, key=PHONE.address), key_record(2, key=TABLET.address)
REVOKE, FREEZE, UNFREEZE, MANDATE_REVOKE, CANCEL = (key_record(action) for action in (3, 4, 5, 7, 8))
LIMIT, RAISE, NO_MORE_LIMIT = key_record(6, value=5_000), key_record(6, value=6_000), key_record(6, value=NO_LIMIT)
LOWER, LOWER_FROZEN = key_record(6, value=5_900), key_record(6, value=5_800)
CONTRACT = {"kind": "KeyRecord", "action": 9}
MAIN_OF_ALICE = {"kind": "AccountRecord", "holder": ALICE.id, "currency": "EUR"}
ACTIONS = ("key-add", "key-revoke", "freeze", "unfreeze", "limit", "mandate-revoke", "cancel")


def control(f, behind, action, subject=bytes(32), value=0, *, person=ALICE, serial=0, epoch=1):
    """Put one more control order of the person's behind a record."""
    before = f.get(**behind)
    now = before.timestamp + 1 + serial
    seconds = now // SECOND
    order = LedgerControl(
        holder=person.id,
        key_epoch=epoch,
        nonce=number(f"forged {action} {serial}"),
        valid_after=seconds - 60,
        valid_before=seconds + 600,
        seen_head=person.id,
        action=action,
        subject=subject,
        value=value,
    )
    record = KeyRecord(
        sequence=0,
        timestamp=now,
        holder=person.id,
        link=bytes(32),
        action=ACTIONS.index(action) + 2,
        epoch=epoch,
        key=subject[12:] if action.startswith("key") else bytes(20),
        subject=subject,
        value=value,
        effective_at=now + (48 * HOUR if action == "key-add" else 0),
        order=SignedOrder(order, person.key.sign_digest(order.digest(f.ledger_id))),
    )
    number_, place = f.where(**behind)
    f.batches[number_].insert(place + 1 + serial, record)
    f.seal_times[number_] += 1


def many_keys(f):
    for serial in range(16):
        control(f, LIMIT, "key-add", bytes(12) + bytes([7]) * 19 + bytes([serial]), serial=serial)


def raise_beside_another(f):
    f.drop(**key_record(8, subject=number("no limit")))
    later = f.get(**LOWER).timestamp + 48 * HOUR
    f.change_control(LOWER, value=7_000, record={"effective_at": later})


def conversion_cut_short(f):
    f.change(CONVERSION, flags=0)
    f.drop(**RECEIVED)
    f.drop(**moved(4))


def plain_posting_of_a_hold(f):
    f.change(LAST_CAPTURE, leg=0, source_kind=0, source_id=bytes(32))


def two_fees(f):
    other = replace(f.get(**FEE), timestamp=f.get(**FEE).timestamp + 1, amount=0, leg=2, user_data_32=2)
    f.change(FEE, flags=1)
    f.put(other, behind=FEE)


def freeze_before_collections(f):
    control(f, MANDATE, "freeze")


def mandate_limit_before_collections(f):
    control(f, MANDATE, "limit", b"mandate:EUR:day".ljust(32, b"\0"), 99)


def hold_for_too_long(f):
    until = f.get(**HOLD).timestamp // SECOND + 367 * 86400
    f.change_order(HOLD, until=until)


def mandate_that_ended(f):
    f.change_order(MANDATE, until=f.get(**SECOND_COLLECTION).timestamp // SECOND)


def contract_over_a_plain_root(f):
    """What the holder's id does not say: their root is a key, and another is put in its place."""
    f.change({"kind": "KeyRecord", "action": 1, "holder": ERIN.id}, recovery=0)


def without_source(f, wanted):
    f.change(wanted, source_kind=0, source_id=bytes(32))


def with_source(f, wanted, kind):
    f.change(wanted, source_kind=kind, source_id=number("forged"))


FORGERIES = [
    # holders' keys and what they may
    ("key_order_missing", lambda f: f.change(FREEZE, order=None)),
    ("key_order_missing", lambda f: f.change(FREEZE, order=f.get(**FIRST).order)),
    ("key_time_wrong", lambda f: f.change(ADD_PHONE, effective_at=f.get(**ADD_PHONE).timestamp)),
    ("key_time_wrong", lambda f: f.change(FREEZE, effective_at=0)),
    ("key_epoch_wrong", lambda f: f.change(UNFREEZE, epoch=1)),
    ("key_malformed", lambda f: f.change(FREEZE, salt=bytes([1]) * 32)),
    ("key_action_wrong", lambda f: f.change(FREEZE, action=5)),
    ("key_add_wrong", lambda f: f.change_control(ADD_TABLET, subject=bytes(12) + PHONE.address)),
    ("key_add_wrong", lambda f: f.change_control(ADD_TABLET, subject=bytes(12) + ALICE.key.address)),
    ("key_add_wrong", lambda f: f.change_control(ADD_TABLET, subject=bytes([1]) * 12 + TABLET.address)),
    ("keys_too_many", many_keys),
    ("key_revoke_wrong", lambda f: f.change_control(REVOKE, subject=bytes(12) + TABLET.address)),
    ("key_contract_wrong", lambda f: f.change(CONTRACT, subject=bytes(32))),
    ("key_contract_wrong", contract_over_a_plain_root),
    ("key_contract_wrong", lambda f: f.change(CONTRACT, holder=BOB.id, key=bytes(20))),
    ("control_differs", lambda f: f.change(ADD_PHONE, key=TABLET.address)),
    ("control_differs", lambda f: f.change(LIMIT, value=4_999)),
    ("control_signer_wrong", lambda f: f.change_control(UNFREEZE, key=PHONE)),
    ("control_signer_wrong", lambda f: f.change_control(NO_MORE_LIMIT, key=PHONE)),
    ("control_malformed", lambda f: f.change_control(FREEZE, key=PHONE, value=1)),
    ("control_malformed", lambda f: f.change_control(FREEZE, key=PHONE, subject=number("x"))),
    ("control_while_frozen", lambda f: f.change_control(LOWER_FROZEN, value=5_950)),
    ("order_while_frozen", lambda f: f.drop(**UNFREEZE)),
    ("order_signature_wrong", lambda f: f.drop(**ADD_PHONE)),
    ("order_epoch_wrong", lambda f: f.change_control(UNFREEZE, key_epoch=2)),
    ("unfreeze_wrong", lambda f: f.drop(**FREEZE)),
    ("limit_malformed", lambda f: f.change_control(LIMIT, subject=b"transfer:EUR:week".ljust(32, b"\0"))),
    ("limit_malformed", lambda f: f.change_control(LIMIT, subject=b"transfer:XXX:day".ljust(32, b"\0"))),
    ("limit_malformed", lambda f: f.change_control(NO_MORE_LIMIT, value=10**17 + 1)),
    ("limit_raise_pending", raise_beside_another),
    ("limit_exceeded", lambda f: f.change_control(RAISE, value=5_499)),
    ("limit_exceeded", lambda f: f.drop(**RAISE)),
    ("limit_exceeded", mandate_limit_before_collections),
    ("mandate_revoke_wrong", lambda f: f.change_control(MANDATE_REVOKE, subject=number("no such"))),
    ("cancel_wrong", lambda f: f.change_control(CANCEL, subject=number("add phone, perhaps"))),
    ("cancel_wrong", lambda f: f.change_control(CANCEL, subject=number("first"))),
    # orders and their legs
    ("order_misplaced", lambda f: f.change(SECOND_ORDER, order=f.get(**FREEZE).order)),
    ("order_account_wrong", lambda f: f.change(MAIN_OF_ALICE, purpose="side")),
    ("order_legs_wrong", conversion_cut_short),
    ("order_legs_wrong", two_fees),
    ("order_fee_wrong", lambda f: f.change(FEE, credit_account_id=MADE.bank)),
    ("leg_code_wrong", lambda f: f.change(SECOND_ORDER, code=2)),
    ("leg_code_wrong", lambda f: f.change(COLLECTION, code=11)),
    ("leg_flags_wrong", lambda f: f.change(SECOND_ORDER, flags=2)),
    ("leg_flags_wrong", lambda f: f.change(HOLD, flags=0)),
    ("source_misplaced", lambda f: with_source(f, SECOND_ORDER, 7)),
    ("source_misplaced", lambda f: with_source(f, SECOND_ORDER, 8)),
    ("source_misplaced", lambda f: with_source(f, REST, 7)),
    ("order_amount_wrong", lambda f: f.change(MANDATE, amount=1)),
    ("conversion_quote_wrong", lambda f: f.change(CONVERSION, source_id=number("another quote"))),
    ("conversion_quote_wrong", lambda f: without_source(f, CONVERSION)),
    ("conversion_asset_wrong", lambda f: f.change_order(CONVERSION, receive_to=bytes([1]) * 20)),
    ("conversion_account_wrong", lambda f: f.change(CONVERSION, credit_account_id=MADE.fees)),
    ("conversion_account_wrong", lambda f: f.change(RECEIVED, credit_account_id=MADE.bank_usd)),
    ("conversion_amount_wrong", lambda f: f.change(RECEIVED, amount=438)),
    ("order_debits_another", lambda f: f.change(RECEIVED, debit_account_id=ALICE.account)),
    ("account_floor_missing", lambda f: f.change({"kind": "AccountRecord", "purpose": "liquidity"}, flags=0)),
    # holds
    ("hold_captor_wrong", lambda f: f.change_order(HOLD, captor=ALICE.id)),
    ("hold_captor_wrong", lambda f: f.change_order(HOLD, captor=DAN.id)),
    ("hold_until_wrong", hold_for_too_long),
    ("hold_timeout_wrong", lambda f: f.change(HOLD, timeout=3_598)),
    ("hold_timeout_wrong", lambda f: f.change(REST, timeout=0)),
    ("order_total_exceeded", lambda f: f.change_order(HOLD, total_max_minor=2_999)),
    ("use_source_wrong", lambda f: without_source(f, CAPTURE)),
    ("source_reused", lambda f: f.change(LAST_CAPTURE, source_id=f.get(**CAPTURE).source_id)),
    ("use_legs_too_many", lambda f: f.change(LAST_CAPTURE, leg=100)),
    ("leg_number_wrong", lambda f: f.change(LAST_CAPTURE, leg=4, user_data_32=4)),
    ("capture_pending_wrong", lambda f: f.change(LAST_CAPTURE, pending_id=f.get(**HOLD).id)),
    ("capture_pending_wrong", lambda f: f.change(RELEASE, flags=2, pending_id=0)),
    ("capture_amount_wrong", lambda f: f.change(LAST_CAPTURE, amount=0)),
    ("capture_rest_wrong", lambda f: f.change(REST, amount=1_998)),
    ("capture_rest_wrong", lambda f: f.change(REST, credit_account_id=DAN.account)),
    ("capture_rest_wrong", lambda f: f.drop(**REST)),
    ("capture_rest_wrong", lambda f: f.change(RELEASE, flags=9)),
    ("pending_of_another", plain_posting_of_a_hold),
    ("pending_exceeded", lambda f: f.change(LAST_CAPTURE, amount=2_000)),
    ("leg_without_order", lambda f: f.change(CAPTURE, user_data_128=5)),
    # mandates
    ("mandate_terms_wrong", lambda f: f.change_order(MANDATE, period_seconds=59)),
    ("mandate_terms_wrong", lambda f: f.change_order(MANDATE, until=1_800_000_000)),
    ("order_payee_wrong", lambda f: f.change_order(MANDATE, payee=DAN.id)),
    ("collection_accounts_wrong", lambda f: f.change(COLLECTION, credit_account_id=DAN.account)),
    ("collection_accounts_wrong", lambda f: f.change(COLLECTION, flags=2)),
    ("collection_period_wrong", lambda f: f.change(COLLECTION, user_data_64=1)),
    ("collection_period_wrong", lambda f: f.change_order(MANDATE, count=1)),
    ("collection_too_late", mandate_that_ended),
    ("collection_amount_wrong", lambda f: f.change(COLLECTION, amount=0)),
    ("collection_exceeded", lambda f: f.change(SECOND_COLLECTION, amount=41)),
    ("collection_revoked", lambda f: control(f, MANDATE, "mandate-revoke", number("mandate"))),
    ("collection_while_frozen", freeze_before_collections),
]


def read(forger):
    return audit(io.BytesIO(forger.data))


def fresh():
    return Forger(MADE.batches, MADE.seal_times)


def test_a_journal_with_one_of_everything_passes():
    report = read(fresh())
    assert report.failures == []
    assert report.records == sum(len(batch) for batch in MADE.batches)


def test_every_honest_prefix_passes():
    forger = fresh()
    while len(forger.batches) > 1:
        forger.batches.pop()
        assert read(forger).failures == []


@pytest.mark.parametrize(("code", "forge"), FORGERIES, ids=[f"{c}-{i}" for i, (c, _) in enumerate(FORGERIES)])
def test_a_forged_journal_is_rejected_with_its_own_code(code, forge):
    forger = fresh()
    forge(forger)
    report = read(forger)
    assert code in report.codes, report.failures
