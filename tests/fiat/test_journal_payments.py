"""Plain payments in one pass: the same records, rows and answers, byte for byte, as the way that all orders can go."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fiat import journal_payments, journal_requests
from fiat.authority import SaltedText, legs
from fiat.chart import AccountCode
from fiat.currency import ISO_4217, currency
from fiat.errors import FiatError
from fiat.holder import OPERATOR, Holder, account_id
from fiat.journal_batch import Batch
from fiat.journal_cache import Cache
from fiat.journal_requests import Submit
from fiat.journal_values import AccountRow, JournalHead, KnownOrder, OrderResult
from fiat.limit import LimitKey, Policy
from fiat.machine import AMOUNT_MAX
from fiat.order import LedgerTransfer, SignedOrder
from fiat.reserves import Totals
from fiat.transfer import Account, AccountFlags, TransferStatus

LEDGER_ID = b"\x07" * 32
NOW = 1_790_000_000
HEAD = JournalHead(5, 40, NOW * 10**9 - 50, 3, bytes(32), bytes(16))
BOUND = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
LISTED = [currency("EUR"), currency("GBP")]
BATCHES = 250


def town(drawn):
    """Six holders and the operator with accounts in two currencies: rich, poor, closed, frozen, near the end."""
    cache = Cache(Policy({LimitKey.parse("transfer:GBP:day"): 400}))
    cache.totals = {listed.ledger: Totals(10**6, 10**18) for listed in LISTED}
    ids = [drawn.randbytes(32) for _ in range(6)]
    for place, one in enumerate(ids):
        count = drawn.randrange(5)
        cache.holders[one] = Holder(
            one,
            drawn.randbytes(20),
            0,
            drawn.randbytes(32),
            1,
            place == 5,
            count,
            drawn.randbytes(32) if count else one,
        )
    for listed in LISTED:
        for place, one in enumerate([*ids, OPERATOR]):
            code = AccountCode.INCOME if one == OPERATOR else AccountCode.HOLDER
            flags = (0 if one == OPERATOR else BOUND) | (int(AccountFlags.CLOSED) if place == 4 else 0)
            funds = AMOUNT_MAX - 3 if place == 3 else drawn.choice([0, 50, 5_000])
            number = account_id(one, listed, "fees" if one == OPERATOR else "main")
            account = Account(number, listed.ledger, int(code), flags, 0, 0, 0, funds, timestamp=9)
            cache.accounts[number] = AccountRow(account, drawn.randrange(9), one, listed.code, 2, "main")
    return cache, ids


def request(drawn, ids, past):
    """An order of the town's: most are plain, the others have one thing that is not."""
    if past and drawn.random() < 0.1:
        return drawn.choice(past)
    payer, payee = drawn.choice(ids), drawn.choice(ids)
    listed = drawn.choice(LISTED)
    amount = drawn.choice([1, 1, 2, 30, 200, 6_000])
    late = drawn.random() < 0.05
    order = LedgerTransfer(
        holder=payer,
        key_epoch=1 if drawn.random() < 0.95 else 2,
        nonce=drawn.randbytes(32),
        valid_after=NOW - 60,
        valid_before=NOW - 4_000 if late else NOW + 600,
        seen_head=payer,
        payee=payee if payee != payer else drawn.randbytes(32),
        shown=drawn.randbytes(32),
        currency=listed.code,
        exponent=2,
        amount_minor=amount,
        total_max_minor=amount * 2,
        reference=drawn.randbytes(32),
    )
    fee = drawn.choice([0] * 9 + [1])
    made = legs(order, LEDGER_ID, ISO_4217, payout="payout:sandbox", fee_minor=fee)
    if drawn.random() < 0.2:
        names = ["amount", "code", "ledger", "timeout", "flags", "timestamp", "pending_id", "user_data_64"]
        change = {name: drawn.choice([0, 2, 16, LISTED[0].ledger]) for name in drawn.choices(names, k=1)}
        places = {"credit_account_id": account_id(payer, listed), "debit_account_id": account_id(ids[0], listed)}
        places |= {"": account_id(OPERATOR, listed, "fees")}
        if drawn.random() < 0.3:
            name, place = drawn.choice(list(places.items()))
            change = {name or "credit_account_id": place}
        made = [made[0]._replace(**change), *made[1:]]
    texts = {"shown": SaltedText(drawn.randbytes(16), "tea")} if drawn.random() < 0.2 else {}
    signer = drawn.choice([None, None, drawn.randbytes(20)])
    signed = SignedOrder(order, drawn.randbytes(65 if drawn.random() < 0.97 else 64))
    past.append(Submit(signed, order.digest(LEDGER_ID), tuple(made), texts, signer))
    return past[-1]


def outcome(ask, batch):
    try:
        return ask.decide(batch)
    except (FiatError, ValueError) as error:
        return type(error), str(error)


def made_of(batch):
    """All that a batch has to say, in plain values."""
    return {
        "cursor": batch.cursor,
        "sequence": batch.sequence,
        "bodies": batch.bodies,
        "leaves": batch.leaves,
        "records": batch.records,
        "transfers": batch.transfers,
        "heads": batch.heads,
        "orders": (batch.orders, batch.order_rows),
        "holders": batch.holders,
        "versions": batch.versions,
        "accounts": batch.changes.accounts,
        "moved": batch.changes.transfers,
        "postings": batch.changes.postings,
        "burnt": batch.changes.burnt_ids,
        "last": batch.changes.transfer_last,
        "totals": {ledger: each for ledger, each in batch.totals.items() if each != batch.cache.totals[ledger]},
        "rows": batch.rows,
    }


def compare(monkeypatch, batches=BATCHES):
    """Random batches both ways. Gives how many orders went in one pass, and the statuses and refusals of the others."""
    drawn, plain, seen = random.Random(11), 0, set()
    for number in range(batches):
        cache, ids = town(drawn)
        past = []
        asked = [request(drawn, ids, past) for _ in range(12)]
        cache.orders |= {
            one.key: KnownOrder(one.digest, 3, TransferStatus.CREATED) for one in past[:1] if number % 5 == 0
        }
        cache.burnt_ids |= {one.legs[0].id for one in past[1:2] if number % 5 == 1}
        one_pass, all_ways = Batch(cache, HEAD, NOW * 10**9), Batch(cache, HEAD, NOW * 10**9)
        for ask in asked:
            before = len(one_pass.transfers)
            found = outcome(ask, one_pass)
            with monkeypatch.context() as patched:
                patched.setattr(journal_requests, "pay", lambda *_: None)
                expected = outcome(ask, all_ways)
            assert found == expected
            assert made_of(one_pass) == made_of(all_ways)
            if isinstance(found, OrderResult) and found.accepted and found.first and len(ask.legs) == 1:
                plain += len(one_pass.transfers) - before
            seen.add(found.status.name if isinstance(found, OrderResult) else found[0].__name__)
    return plain, seen


def test_both_ways_say_the_same(monkeypatch):
    passed = []
    pay = journal_payments.pay
    monkeypatch.setattr(journal_requests, "pay", lambda *asked: passed.append(found := pay(*asked)) or found)
    plain, seen = compare(monkeypatch)
    assert sum(found is not None for found in passed) > 0.9 * plain > 300, "most payments are plain"
    assert seen >= {"CREATED", "EXCEEDS_CREDITS", "CREDIT_ACCOUNT_NOT_FOUND", "DEBIT_ACCOUNT_ALREADY_CLOSED"}
    assert seen >= {"CREDIT_ACCOUNT_ALREADY_CLOSED", "OVERFLOWS_CREDITS_POSTED", "ID_ALREADY_FAILED"}
    assert seen >= {"HolderFrozen", "OrderEpochWrong", "OrderExpired", "LimitExceeded", "OrderKeyUnknown"}
    assert seen >= {"DebitUnauthorised", "RecordMalformed"}


SLIPS = {
    "more than there is": ("dp + d + amount > min(c, AMOUNT_MAX)", "dp + d + amount > AMOUNT_MAX"),
    "a closed account": ("_CLOSED | _CREDITS_BOUND", "_CREDITS_BOUND"),
    "another currency": ("if leg.ledger != ledger or flags", "if flags"),
    "a frozen holder": ("and not payer.frozen", ""),
    "another epoch": ("payer.epoch == order.key_epoch", "True"),
    "a stranger's key": ("and (signer is None or signer == payer.root)", ""),
    "a nonce of before": ("or key in cache.orders", ""),
    "an id that was burnt": ("or leg.id in cache.burnt_ids", ""),
    "the counters": ("*payer[8:11], spent", "*payer[8:]"),
    "the payee's head": ("payee_head, *payee[8:]", "payer_head, *payee[8:]"),
    "a reservation": ("if leg.flags or", "if"),
    "another's account": ("or debit.holder != payer.id", ""),
    "the payer as payee": ("or payee.id == payer.id", ""),
    "a signature cut short": ("len(signed.signature) != SIGNATURE_LENGTH", "False"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_found(monkeypatch, slip):
    text = Path(journal_payments.__file__).read_text()
    right, wrong = SLIPS[slip]
    assert right in text
    made = {"__name__": "fiat.journal_payments"}
    exec(compile(text.replace(right, wrong), journal_payments.__file__, "exec"), made)
    monkeypatch.setattr(journal_requests, "pay", made["pay"])
    with pytest.raises((AssertionError, RuntimeError)):
        compare(monkeypatch)
