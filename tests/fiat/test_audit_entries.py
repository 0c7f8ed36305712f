"""The auditor on officers, operator's entries and reserves: each rule broken once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiat.holder import OPERATOR, Recovery
from tests.fiat.conftest import OPERATOR_KEY
from tests.fiat.journal_maker import ALICE, DAN, ERIN, HOUR, OFFICERS, PHONE, SECOND, number
from tests.fiat.test_audit_orders import MADE, control, fresh, moved, read

ONE, TWO, THREE = OFFICERS


def entry(reason, amount, **fields):
    return {"kind": "OperatorRecord", "reason": reason, "amount": amount} | fields


def officer(action, **fields):
    return {"kind": "KeyRecord", "holder": OPERATOR, "action": action} | fields


CREDIT, UNDOING_HOLD, COMPELLED_HOLD, ASKED, RECOVERY_HOLD = (
    entry(6, 21),
    entry(4, 740),
    entry(4, 1_200),
    entry(4, 45),
    entry(4, 7_000),
)
UNDOING, RECEIVABLE, COMPELLED = entry(1, 740), entry(1, 160), entry(2, 1_200)
AT_ONCE, RELEASED, RECOVERED, ARRIVED = entry(2, 44), entry(5, 45), entry(3, 7_000), entry(3, 1_703)
NAMED_FIRST, NAMED_SECOND = officer(2, key=ONE.address), officer(2, key=TWO.address)
ADD_THIRD, REVOKE_THIRD, CANCEL = officer(2, key=THREE.address), officer(3), officer(8)


def compelled_side(f, **fields):
    f.change_entry(COMPELLED, **fields)


def hold_too_long(f):
    held = f.get(**ASKED)
    until = held.timestamp // SECOND + 91 * 86400
    f.change_entry(ASKED, until=until, timeout=(until * SECOND - held.timestamp) // SECOND)


def carried_out_too_early(f):
    number_, _ = f.where(**UNDOING)
    since = f.get(**RECOVERY_HOLD).timestamp + HOUR
    for place, record in enumerate(f.batches[number_]):
        f.batches[number_][place] = replace(record, timestamp=since + place)
    f.seal_times[number_] = since + 10


def without_difference(f):
    f.change(UNDOING, flags=4)
    f.drop(**RECEIVABLE)


def arrived_stays_behind(f):
    f.change(RECOVERED, flags=4)
    f.drop(**ARRIVED)


def order_after_recovery_hold(f):
    control(f, RELEASED, "limit", b"all:EUR:day".ljust(32, b"\0"), 5, person=DAN)


def dan_never_recovers(f):
    f.change({"kind": "KeyRecord", "holder": DAN.id}, recovery=int(Recovery.NEVER))


def third_officer_by_nobody(f):
    f.change(ADD_THIRD, order=None, effective_at=f.get(**ADD_THIRD).timestamp)


def repeat_entry(f):
    again = replace(f.get(**CREDIT), timestamp=f.get(**CREDIT).timestamp + 1)
    f.put(again, behind=CREDIT)
    f.seal_times[f.where(**CREDIT)[0]] += 1


def plain_posting_of_officers_hold(f):
    held, like = f.get(**RECOVERY_HOLD), f.get(**moved(1_002))
    sides = {n: getattr(held, n) for n in ("debit_account_id", "credit_account_id", "debit_holder", "credit_holder")}
    plain = {"leg": 0, "source_kind": 0, "source_id": bytes(32), "id": 77, "pending_id": held.id, "code": 14}
    f.put(replace(like, timestamp=held.timestamp + 1, amount=45, **plain, **sides), behind=RECOVERY_HOLD)
    f.seal_times[f.where(**RECOVERY_HOLD)[0]] += 1


FORGERIES = [
    # officers
    ("officer_unsigned", third_officer_by_nobody),
    ("officer_unsigned", lambda f: f.change(ADD_THIRD, order=f.get(**moved(1_000)).order)),
    ("officer_add_wrong", lambda f: f.change(NAMED_SECOND, key=ONE.address)),
    ("officer_add_wrong", lambda f: f.change(NAMED_SECOND, subject=bytes(12) + TWO.address)),
    ("officer_add_wrong", lambda f: f.change_control(ADD_THIRD, subject=bytes(12) + TWO.address, key=ONE)),
    ("officer_revoke_wrong", lambda f: f.change_control(REVOKE_THIRD, key=THREE)),
    ("officer_revoke_wrong", lambda f: f.drop(**ADD_THIRD)),
    ("officer_cancel_wrong", lambda f: f.change_control(CANCEL, subject=number("nobody"), key=TWO)),
    ("order_signature_wrong", lambda f: f.change_control(REVOKE_THIRD, key=PHONE)),
    ("key_time_wrong", lambda f: f.change(ADD_THIRD, effective_at=f.get(**ADD_THIRD).timestamp)),
    # two of them, just this, once
    ("entry_officers_wrong", lambda f: f.change_entry(CREDIT, officers=(TWO, ONE))),
    ("entry_officers_wrong", lambda f: f.change_entry(CREDIT, officers=(ONE, ONE))),
    ("entry_officers_wrong", lambda f: f.change_entry(CREDIT, officers=(ONE, THREE))),
    ("entry_officers_wrong", lambda f: f.change_entry(CREDIT, officers=(ONE, OPERATOR_KEY))),
    ("entry_signature_wrong", lambda f: f.change(CREDIT, signature_2=f.get(**CREDIT).signature_1)),
    ("entry_signature_wrong", lambda f: f.change(CREDIT, document=number("another"))),
    ("entry_malformed", lambda f: f.change(CREDIT, code=5)),
    ("entry_malformed", lambda f: f.change(CREDIT, user_data_128=1)),
    ("entry_malformed", lambda f: f.change_entry(ASKED, undoes=MADE.place_of_first)),
    ("entry_malformed", lambda f: f.change_entry(CREDIT, document=number("a paper"))),
    ("entry_malformed", lambda f: f.change_entry(CREDIT, successor=DAN.id)),
    ("entry_malformed", lambda f: f.change_entry(CREDIT, until=5)),
    ("entry_differs", lambda f: f.change(RECEIVABLE, reason_code=1)),
    ("entry_legs_wrong", without_difference),
    ("nonce_reused", repeat_entry),
    ("pending_id_unexpected", lambda f: f.change_entry(CREDIT, pending_id=f.get(**ASKED).id)),
    ("chain_open", lambda f: f.change(CREDIT, flags=1)),
    ("account_unknown", lambda f: f.change(CREDIT, debit_account_id=5)),
    # each reason
    ("entry_reason_unknown", lambda f: f.change_entry(CREDIT, reason=7)),
    ("entry_reason_unknown", lambda f: f.change_entry(CREDIT, reason_code=4)),
    ("entry_reason_unknown", lambda f: f.change_entry(ASKED, reason_code=5)),
    ("entry_reason_unknown", lambda f: f.change_entry(UNDOING, reason_code=3)),
    ("entry_reason_unknown", lambda f: f.change_entry(COMPELLED, reason_code=3)),
    ("entry_accounts_wrong", lambda f: f.change_entry(CREDIT, debit_account_id=MADE.bank)),
    ("entry_accounts_wrong", lambda f: f.change_entry(ASKED, credit_account_id=MADE.fees)),
    ("entry_accounts_wrong", lambda f: f.change_entry(ASKED, debit_account_id=MADE.fees)),
    ("entry_accounts_wrong", lambda f: f.change_entry(AT_ONCE, credit_account_id=MADE.fees)),
    ("entry_accounts_wrong", lambda f: f.change_entry(RECOVERY_HOLD, successor=ALICE.id)),
    ("entry_amount_wrong", lambda f: f.change_entry(CREDIT, user_data_64=22)),
    ("entry_amount_wrong", lambda f: f.change_entry(ASKED, user_data_64=46)),
    ("entry_amount_wrong", lambda f: f.change_entry(RELEASED, user_data_64=44)),
    ("entry_flags_wrong", lambda f: f.change_entry(CREDIT, flags=2)),
    ("entry_flags_wrong", lambda f: f.change_entry(CREDIT, flags=16)),
    ("entry_flags_wrong", lambda f: f.change_entry(ASKED, flags=2)),
    ("entry_flags_wrong", lambda f: f.change_entry(AT_ONCE, flags=0)),
    ("entry_flags_wrong", lambda f: f.change_entry(RELEASED, flags=4)),
    ("entry_until_wrong", lambda f: f.change_entry(ASKED, timeout=0)),
    ("entry_until_wrong", lambda f: f.change_entry(ASKED, until=f.get(**ASKED).timestamp // SECOND + 3600)),
    ("entry_until_wrong", hold_too_long),
    ("entry_too_early", carried_out_too_early),
    ("entry_hold_unknown", lambda f: f.change_entry(COMPELLED, pending_id=f.get(**moved(304)).id)),
    ("entry_hold_unknown", lambda f: f.change_entry(COMPELLED, reason=3)),
    ("entry_differs_from_hold", lambda f: f.change_entry(UNDOING, undoes=3)),
    ("entry_differs_from_hold", lambda f: f.change_entry(RECOVERED, successor=ALICE.id)),
    ("entry_differs_from_hold", lambda f: compelled_side(f, document=number("another"))),
    ("entry_receivable_wrong", lambda f: f.change(RECEIVABLE, amount=161)),
    ("entry_receivable_wrong", lambda f: f.change(RECEIVABLE, debit_account_id=MADE.fees)),
    ("undoing_of_nothing", lambda f: f.change_entry(UNDOING_HOLD, undoes=MADE.place_of_first + 1)),
    ("undoing_of_nothing", lambda f: f.change_entry(UNDOING_HOLD, credit_account_id=ERIN.account)),
    ("undoing_exceeds_rest", lambda f: f.change_entry(UNDOING_HOLD, user_data_64=1_001)),
    ("compelled_without_document", lambda f: f.change_entry(AT_ONCE, document=bytes(32))),
    ("compelled_without_document", lambda f: f.change_entry(COMPELLED_HOLD, cap=0)),
    ("compelled_cap_changed", lambda f: f.change_entry(AT_ONCE, cap=1_401)),
    ("compelled_cap_exceeded", lambda f: [f.change_entry(e, cap=1_243) for e in (COMPELLED_HOLD, COMPELLED, AT_ONCE)]),
    ("recovery_refused", dan_never_recovers),
    ("recovery_refused", order_after_recovery_hold),
    ("recovery_refused", lambda f: f.change_entry(RECOVERY_HOLD, user_data_64=7_000)),
    ("recovery_not_whole", arrived_stays_behind),
    ("recovery_not_whole", lambda f: f.change(ARRIVED, amount=1_702)),
    ("recovery_not_whole", lambda f: f.change(ARRIVED, amount=1_704)),
    ("recovery_not_whole", lambda f: f.change(ARRIVED, flags=16)),
    ("recovery_not_whole", lambda f: f.change(ARRIVED, debit_account_id=MADE.receivable)),
    ("recovery_not_whole", lambda f: f.change(ARRIVED, credit_account_id=ALICE.account)),
    ("recovery_not_whole", lambda f: f.drop(**moved(1_703))),
    ("pending_of_another", plain_posting_of_officers_hold),
    ("seal_counters_wrong", lambda f: f.seal_changes.update({len(f.batches) - 1: {"counters": bytes(32)}})),
    # reserves
    ("account_code_wrong", lambda f: f.change({"kind": "AccountRecord", "purpose": "bank"}, code=9)),
    ("reserve_source_missing", lambda f: f.change(moved(100_000), source_kind=0, source_id=bytes(32))),
    ("reserve_source_missing", lambda f: f.change(moved(61), source_kind=2)),
    ("reserves_exceeded", lambda f: f.change_entry(CREDIT, amount=60_000, user_data_64=60_000)),
]


@pytest.mark.parametrize(("code", "forge"), FORGERIES, ids=[f"{c}-{i}" for i, (c, _) in enumerate(FORGERIES)])
def test_a_forged_journal_is_rejected_with_its_own_code(code, forge):
    forger = fresh()
    forge(forger)
    report = read(forger)
    assert code in report.codes, report.failures
