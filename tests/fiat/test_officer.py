"""Officers and entries as values: one spelling, one digest, who may sign, what every seal counts. Pure."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data

from fiat.chart import AccountCode, account_code
from fiat.errors import EntryRefused, OrderSignatureWrong
from fiat.holder import OPERATOR
from fiat.officer import (
    HOLD_NS_MAX,
    NOTICE_NS,
    OFFICER_DELAY_NS,
    RECOVERY_NOTICE_NS,
    Entry,
    HoldFor,
    OfficerChange,
    Officers,
    counters_hash,
    notice_ns,
    signed_by,
)
from fiat.order import ZERO_32, LedgerControl
from fiat.record import KeyAction
from tests.fiat.officers import ANNA, BEN, CARL, DAY, HOUR, subject

LEDGER = bytes(range(32))
TYPES = (
    "uint8 reason,uint16 reasonCode,uint64 undoes,bytes32 document,uint64 cap,uint64 until,bytes32 successor,"
    "bytes32 nonce,uint128 debitAccount,uint128 creditAccount,uint64 amountMinor,uint128 pendingId,string currency,"
    "uint8 exponent"
)


def entry(**changes):
    fields = {"reason": 4, "reason_code": 2, "document": b"\x07" * 32, "cap": 900, "until": 1_800_000_000}
    fields |= {"nonce": b"\x08" * 32, "debit_account": 1 << 127, "credit_account": 5, "amount_minor": 800}
    return Entry(**(fields | {"currency": "EUR", "exponent": 2} | changes))


def test_the_digest_is_eip_712s():
    message = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "salt", "type": "bytes32"},
            ],
            "LedgerEntry": [dict(zip(("type", "name"), f.split(), strict=True)) for f in TYPES.split(",")],
        },
        "primaryType": "LedgerEntry",
        "domain": {"name": "Tandem Ledger", "version": "1", "salt": LEDGER},
        "message": entry().values(),
    }
    assert entry().digest(LEDGER) == _hash_eip191_message(encode_typed_data(full_message=message))
    assert entry().digest(LEDGER) != entry().digest(bytes(32)), "worthless at another ledger"


@pytest.mark.parametrize("name", [name for name in Entry.__dataclass_fields__ if name not in ("currency", "exponent")])
def test_every_field_is_signed(name):
    value = getattr(entry(), name)
    other = replace(entry(), **{name: value + 1 if isinstance(value, int) else b"\x55" * 32})
    assert other.digest(LEDGER) != entry().digest(LEDGER)


def test_one_spelling_in_json():
    document = entry().to_json()
    assert Entry.from_json(document) == entry()
    wrong = [
        {"reason": 4},
        {"reason": "04"},
        {"reason": "256"},
        {"cap": "-1"},
        {"cap": "٣"},
        {"nonce": "08" * 32},
        {"nonce": "0x" + "08" * 31},
        {"nonce": "0x" + "0A" * 32},
        {"currency": "eur"},
        {"currency": "EURO\n"},
        {"exponent": "77"},
        {"more": "1"},
    ]
    for change in wrong:
        with pytest.raises(EntryRefused):
            Entry.from_json(document | change)
    for name in document:
        with pytest.raises(EntryRefused):
            Entry.from_json({n: v for n, v in document.items() if n != name})


def test_two_different_officers_in_force_sign():
    digest, in_force = entry().digest(LEDGER), frozenset({ANNA.address, BEN.address})
    anna, ben, carl = (one.sign_digest(digest) for one in (ANNA, BEN, CARL))
    first, second = signed_by(digest, [anna, ben], in_force)
    assert first.officer < second.officer
    assert (first, second) == signed_by(digest, [ben, anna], in_force), "the order of signing says nothing"
    for signatures, rule in (
        ([anna], "two_signatures_needed"),
        ([anna, anna], "same_officer_twice"),
        ([anna, carl], "officer_not_in_force"),
        ([anna, ben, carl], "two_signatures_needed"),
    ):
        with pytest.raises(EntryRefused) as caught:
            signed_by(digest, signatures, in_force)
        assert caught.value.fields() == {"rule": rule}
    with pytest.raises(OrderSignatureWrong):
        signed_by(digest, [anna, ben[:64] + b"\x00"], in_force)


def control(action, about, **changes):
    fields = {"holder": OPERATOR, "key_epoch": 0, "nonce": b"\x01" * 32, "valid_after": 0, "valid_before": 900}
    return LedgerControl(**(fields | {"seen_head": ZERO_32, "action": action, "subject": about} | changes))


def named():
    officers = Officers()
    for sequence, who in enumerate((ANNA, BEN), 1):
        officers.take(officers.name(who.address, sequence, sequence))
    return officers


def test_an_addition_waits_and_can_be_cancelled():
    officers, at = named(), 10 * DAY
    added = officers.change(control("key-add", subject(CARL)), ANNA.address, 3, at)
    assert added == OfficerChange(
        3, KeyAction.KEY_ADD, CARL.address, b"\x01" * 32, subject(CARL), at + OFFICER_DELAY_NS
    )
    officers.take(added)
    assert CARL.address not in officers.in_force(at + OFFICER_DELAY_NS - 1)
    assert CARL.address in officers.in_force(at + OFFICER_DELAY_NS)
    cancel = control("cancel", b"\x01" * 32, nonce=b"\x02" * 32)
    with pytest.raises(EntryRefused):
        officers.change(cancel, BEN.address, 4, at + OFFICER_DELAY_NS)
    officers.take(officers.change(cancel, BEN.address, 4, at + OFFICER_DELAY_NS - 1))
    assert officers.in_force(at + DAY * 9) == {ANNA.address, BEN.address}


def test_there_are_never_fewer_than_two_nor_more_than_sixteen():
    officers = named()
    with pytest.raises(EntryRefused):
        officers.change(control("key-revoke", subject(BEN)), ANNA.address, 3, DAY)
    for number in range(14):
        one = OfficerChange(number + 3, KeyAction.KEY_ADD, bytes([number + 1] * 20), bytes([number] * 32), ZERO_32, 5)
        officers.take(one)
    with pytest.raises(EntryRefused):
        officers.change(control("key-add", subject(CARL)), ANNA.address, 30, DAY)
    revoked = officers.change(control("key-revoke", subject(BEN)), ANNA.address, 30, DAY)
    officers.take(revoked)
    assert (BEN.address in officers.in_force(DAY), revoked.effective_at) == (False, DAY)
    with pytest.raises(EntryRefused):
        officers.name(BEN.address, 31, DAY)


def test_the_times_are_those_of_the_law_of_the_house():
    assert (NOTICE_NS, RECOVERY_NOTICE_NS, HOLD_NS_MAX) == (72 * HOUR, 14 * DAY, 90 * DAY)
    assert [notice_ns(one) for one in HoldFor] == [72 * HOUR, 72 * HOUR, 14 * DAY, 72 * HOUR]


def test_counters_are_hashed_in_their_order():
    assert counters_hash({}) == bytes(32)
    one = bytes([1]) + (7).to_bytes(4, "big") + (3).to_bytes(8, "big") + (2**70).to_bytes(16, "big")
    four = bytes([4]) + (5).to_bytes(4, "big") + (1).to_bytes(8, "big") + bytes(16)
    assert counters_hash({(4, 5): (1, 0), (1, 7): (3, 2**70)}) == sha256(one + four).digest()


def test_accounts_have_the_code_of_their_purpose():
    expected = {"clearing:x": 2, "payout:x": 3, "bank": 4, "bank:x": 4, "fees": 5, "rounding": 6, "liquidity": 7}
    expected |= {"receivable": 8, "compelled": 9, "capital": 9, "banks": 9}
    assert {purpose: account_code(True, purpose) for purpose in expected} == expected
    assert account_code(False, "bank") is AccountCode.HOLDER
