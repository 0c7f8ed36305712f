"""Officers of the tests, and the entries and changes that they sign."""

from __future__ import annotations

import os

from fiat.chart import SourceKind, TransferCode
from fiat.currency import currency
from fiat.holder import MAIN, OPERATOR, account_id
from fiat.journal import Journal
from fiat.journal_entries import ChangeOfficers, NameOfficer, PostEntry
from fiat.journal_values import Source
from fiat.officer import Entry
from fiat.order import LedgerControl, SignedOrder
from fiat.record import Reason
from fiat.transfer import Transfer, TransferStatus
from tests.fiat.conftest import OPERATOR_KEY, Key, Person

EUR = currency("EUR")
SECOND = 10**9
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
START = 1_800_000_000 * SECOND
ANNA, BEN, CARL = Key(0x0FF1CE01), Key(0x0FF1CE02), Key(0x0FF1CE03)
EVERYTHING = 10**17


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


class Office:
    """A journal under a clock of its own, with people, the operator's accounts and two officers in force."""

    @classmethod
    async def open(cls, engine, *people):
        office = cls()
        office.clock = Clock()
        office.journal = await Journal.open(engine, OPERATOR_KEY, office.clock, drift_max_ns=None)
        office.accounts = {}
        for purpose in ("clearing:sandbox", "bank", "capital", "compelled", "inquiry", "receivable", "fees"):
            office.accounts[purpose] = (await office.journal.open_account(OPERATOR, EUR, purpose)).id
        for person in people:
            await office.journal.open_holder(person.genesis, [(EUR, MAIN)])
        for officer in (ANNA, BEN):
            await office.journal.ask(NameOfficer(officer.address))
        return office

    def after(self, duration_ns):
        self.clock.now += duration_ns
        return self

    async def move(self, debit, credit, amount, *, sourced=True):
        """From one of the operator's accounts, by purpose, to another or to a person; the record's sequence."""
        target = credit.account if isinstance(credit, Person) else self.accounts[credit]
        number = int.from_bytes(os.urandom(15), "big")
        move = Transfer(number, self.accounts[debit], target, amount, ledger=EUR.ledger, code=TransferCode.TOPUP)
        source = Source(SourceKind.SANDBOX_TOPUP, os.urandom(32)) if sourced else None
        (outcome,) = await self.journal.post([move], source)
        assert outcome.status is TransferStatus.CREATED
        return self.journal.sequence

    def entry(self, reason, debit, credit, amount, **fields):
        sides = [
            s if isinstance(s, int) else s.account if isinstance(s, Person) else self.accounts[s]
            for s in (debit, credit)
        ]
        given = {"nonce": os.urandom(32), "currency": "EUR", "exponent": 2} | fields
        return Entry(reason=reason, debit_account=sides[0], credit_account=sides[1], amount_minor=amount, **given)

    async def post(self, entry, *, by=(ANNA, BEN)):
        digest = entry.digest(self.journal.ledger_id)
        signatures = tuple(officer.sign_digest(digest) for officer in by)
        return await self.journal.ask(PostEntry(entry, signatures, digest))

    def hold(self, code, debit, credit, amount, *, days=10, **fields):
        until = self.clock.now // SECOND + days * 86_400 + 1
        return self.entry(Reason.HOLD, debit, credit, amount, reason_code=code, until=until, **fields)

    async def held(self, *what, by=(ANNA, BEN), **fields):
        """Post a hold; the hold's entry."""
        entry = self.hold(*what, **fields)
        await self.post(entry, by=by)
        return entry

    async def change(self, action, subject, *, by=ANNA, nonce=None, **fields):
        now = self.clock.now // SECOND
        given = {"key_epoch": 0, "seen_head": bytes(32), "valid_after": now - 60, "valid_before": now + 600}
        nonce = nonce or os.urandom(32)
        order = LedgerControl(holder=OPERATOR, nonce=nonce, action=action, subject=subject, **(given | fields))
        digest = order.digest(self.journal.ledger_id)
        return await self.journal.ask(ChangeOfficers(SignedOrder(order, by.sign_digest(digest)), digest))


def subject(key):
    return bytes(12) + key.address


def main_of(person):
    return account_id(person.id, EUR)
