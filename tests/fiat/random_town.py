"""A random life of one journal: every kind of request, well and ill asked, several at a time, under one clock.

What the journal refuses is part of it. What it may never do is fail in another way, or write what the check of the
journal or the auditor then calls wrong.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from sqlalchemy import select

from fiat.authority import authorise
from fiat.authority import legs as order_legs
from fiat.chart import SourceKind, TransferCode
from fiat.currency import ISO_4217, currency
from fiat.errors import FiatError, JournalBroken, JournalBusy, JournalClockWrong, JournalUnknown
from fiat.holder import MAIN, OPERATOR, HolderGenesis, Recovery, account_id
from fiat.journal import Journal
from fiat.journal_control import ContractKey
from fiat.journal_entries import ChangeOfficers, NameOfficer, PostEntry
from fiat.journal_uses import Capture, Collect, Release
from fiat.journal_values import Source
from fiat.limit import NO_LIMIT, LimitKey, LimitKind, Period, Policy
from fiat.officer import Entry
from fiat.order import (
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    LedgerWithdrawal,
    SignedOrder,
)
from fiat.record import Reason
from fiat.tables import transfers
from fiat.transfer import Transfer, TransferFlags
from tests.fiat.conftest import OPERATOR_KEY, Key

CURRENCIES = [currency(code) for code in ("EUR", "JPY", "KWD")]
PURPOSES = (
    "clearing:sandbox",
    "bank",
    "capital",
    "compelled",
    "inquiry",
    "receivable",
    "fees",
    "liquidity",
    "payout:p",
)
SECOND = 10**9
START = 1_900_000_000 * SECOND + 250_000_000
ACTIONS = (
    "key-add",
    "key-add",
    "key-revoke",
    "freeze",
    "unfreeze",
    "unfreeze",
    "limit",
    "limit",
    "mandate-revoke",
    "cancel",
)
MOVED = ("sequence", "debit_account_id", "credit_account_id", "amount", "ledger")
FAULTS = (JournalBusy, JournalUnknown, JournalBroken, JournalClockWrong)


class Nothing(FiatError):
    """There is nothing yet that this could be about."""


class Townsman:
    """A holder, their root key and two more; one of them is a contract's."""

    def __init__(self, seed, recovery):
        self.root, self.phone, self.other = (Key(seed + n) for n in range(3))
        contract = recovery in (Recovery.CONTRACT_NEVER, Recovery.CONTRACT_RECOVERABLE)
        address = Key(seed + 9).address if contract else self.root.address
        self.genesis = HolderGenesis(address, seed.to_bytes(32, "big"), recovery)
        self.id, self.contract = self.genesis.holder_id, contract
        self.keys = (*[self.root] * 12, self.phone, self.phone, self.other)

    def account(self, listed):
        return account_id(self.id, listed)


class Town:
    """People, officers and operator of one journal; `step` does a few random things at once."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.now = START
        self.people = [Townsman(1000 * n, Recovery(n % 2 + 2 * (n == 4))) for n in range(1, 6)]
        self.officers = [Key(0x0FF1CE01 + n) for n in range(4)]
        self.holds, self.mandates, self.entries, self.nonces, self.use_ids = [], [], [], [], []
        self.answers = Counter()

    async def open(self, engine):
        policy = Policy({LimitKey(LimitKind.ALL, "KWD", Period.MONTH): 9 * 10**16})
        self.engine = engine
        self.journal = await Journal.open(engine, OPERATOR_KEY, lambda: self.now, drift_max_ns=None, policy=policy)
        for listed in CURRENCIES:
            for purpose in PURPOSES:
                await self.journal.open_account(OPERATOR, listed, purpose)
            for person in self.people:
                await self.journal.open_holder(person.genesis, [(listed, MAIN)])
        for officer in self.officers[:2]:
            await self.journal.ask(NameOfficer(officer.address))
        for listed in CURRENCIES:
            for to in ("capital", "liquidity", *self.people):
                await self._top_up(listed, to, 10_000)
        return self

    @property
    def seconds(self):
        return self.now // SECOND

    async def step(self):
        kinds = [self.random.choice(KINDS) for _ in range(self.random.choice([1, 1, 2, 5]))]
        done = await asyncio.gather(*(kind(self) for kind in kinds), return_exceptions=True)
        for kind, answer in zip(kinds, done, strict=True):
            faulty = isinstance(answer, FAULTS) or not isinstance(answer, (FiatError, type(None)))
            if isinstance(answer, BaseException) and faulty:
                raise AssertionError(f"{kind.__name__} failed: {answer!r}") from (answer.__cause__ or answer)
            self.answers[kind.__name__, type(answer).__name__] += 1
        self.now += self.random.choice([0, 0, 0, 1, SECOND // 3, SECOND, 61 * SECOND, 3600 * SECOND])
        if self.random.random() < 0.06:
            self.now += self.random.choice([1, 2, 3, 15, 40]) * 86_400 * SECOND

    def one(self, kind):
        """One of them. Raises Nothing where there is none yet."""
        if not kind:
            raise Nothing
        return self.random.choice(kind)

    def amount(self):
        if self.random.random() < 0.1:
            return self.random.choice([0, 10**17, 10**17 + 1])
        return self.random.choice([1, 2, 7, 50, 300, self.random.randint(1, 3_000)])

    def nonce(self):
        """Fresh, or now and then one that was used for something else."""
        if self.nonces and self.random.random() < 0.04:
            return self.random.choice(self.nonces)
        self.nonces.append(self.random.randbytes(32))
        return self.nonces[-1]

    async def _top_up(self, listed, to, amount):
        account = account_id(OPERATOR, listed, to) if isinstance(to, str) else to.account(listed)
        number = self.random.getrandbits(100)
        clearing = account_id(OPERATOR, listed, "clearing:sandbox")
        move = Transfer(number, clearing, account, amount, ledger=listed.ledger, code=TransferCode.TOPUP)
        await self.journal.post([move], Source(SourceKind.SANDBOX_TOPUP, self.random.randbytes(32)))

    async def top_up(self):
        await self._top_up(self.one(CURRENCIES), self.one([*self.people, "capital", "liquidity"]), self.amount())

    async def post(self):
        """Something of the operator's own, or what it may not do."""
        listed = self.one(CURRENCIES)
        ids = [account_id(OPERATOR, listed, purpose) for purpose in PURPOSES]
        flags = self.one([0, 0, TransferFlags.PENDING, TransferFlags.BALANCING_DEBIT, TransferFlags.BALANCING_CREDIT])
        credit = self.one([*ids, self.one(self.people).account(listed)])
        timeout = self.one([0, 60]) if flags == TransferFlags.PENDING else 0
        move = Transfer(
            self.random.getrandbits(100), self.one(ids), credit, self.amount(), timeout=timeout, ledger=listed.ledger,
            code=TransferCode.TRANSFER, flags=int(flags),
        )  # fmt: skip
        await self.journal.post([move])

    async def _signed(self, kind, who, **fields):
        keys = await self.journal.keys(who.id)
        head = {"holder": who.id, "key_epoch": keys.epoch, "nonce": self.nonce(), "seen_head": who.id}
        head |= {"valid_after": self.seconds - 60, "valid_before": self.seconds + 600}
        order = kind(**(head | fields))
        return SignedOrder(order, self.one(who.keys).sign_digest(order.digest(self.journal.ledger_id)))

    async def _submit(self, kind, who, fee=0, receive=0, **fields):
        listed = self.one(CURRENCIES)
        fields = {"shown": bytes(32), "currency": listed.code, "exponent": listed.exponent} | fields
        if "amount_minor" in fields:
            fields["total_max_minor"] = fields["amount_minor"] + fee
        signed = await self._signed(kind, who, **fields)
        authorise(signed, self.journal.ledger_id, await self.journal.keys(who.id), self.seconds)
        legs = order_legs(
            signed.order, self.journal.ledger_id, ISO_4217, payout="payout:p", fee_minor=fee, receive_minor=receive
        )
        result = await self.journal.submit(signed, legs)
        return signed.order if result.accepted else None

    async def pay(self):
        fields = {"payee": self.one(self.people).id, "amount_minor": self.amount()}
        await self._submit(LedgerTransfer, self.one(self.people), self.one([0, 0, 3]), **fields)

    async def withdraw(self):
        await self._submit(
            LedgerWithdrawal, self.one(self.people), self.one([0, 2]), destination=bytes(32), amount_minor=self.amount()
        )

    async def convert(self):
        other, receive = self.one(CURRENCIES), self.amount()
        fields = {"receive_asset": other.code, "receive_to": bytes(20), "receive_min_minor": min(receive, 10**17)}
        fields |= {"reference": self.one(self.nonces)}
        amount = self.amount()
        await self._submit(
            LedgerConversion, self.one(self.people), self.one([0, 5]), receive, amount_minor=amount, **fields
        )

    async def reserve(self):
        fields = {"captor": self.one(self.people).id, "amount_minor": self.amount()}
        fields["until"] = self.seconds + self.one([0, 1, 2, 61, 4000, 90_000, 366 * 86_400, 367 * 86_400])
        order = await self._submit(LedgerHold, self.one(self.people), self.one([0, 0, 4]), **fields)
        self.holds += [order] if order else []

    async def agree(self):
        fields = {"payee": self.one(self.people).id, "per_period_minor": self.amount()}
        fields |= {
            "period_seconds": self.one([59, 60, 3600, 86_400, 2**32 - 1]),
            "count": self.one([1, 2, 12, 2**32 - 1]),
        }
        fields["until"] = self.seconds + self.one([0, 100, 10**6, 10**9, 2**64 - 1 - self.seconds])
        order = await self._submit(LedgerMandate, self.one(self.people), **fields)
        self.mandates += [order] if order else []

    def _use_id(self):
        if self.use_ids and self.random.random() < 0.1:
            return self.random.choice(self.use_ids)
        self.use_ids.append(self.random.randbytes(32))
        return self.use_ids[-1]

    async def capture(self):
        order = self.one([*self.holds[-3:], *self.mandates[-1:]] if self.random.random() < 0.9 else self.mandates)
        party = self.one([getattr(order, "captor", None) or order.payee] * 5 + [order.holder])
        amount, final = self.one([1, 1, 2, 20, self.amount()]), self.random.random() < 0.2
        await self.journal.ask(Capture(order.holder, order.nonce, self._use_id(), party, amount, final))

    async def release(self):
        order = self.one(self.holds[-6:])
        await self.journal.ask(Release(order.holder, order.nonce, self._use_id(), order.captor))

    async def collect(self):
        order = self.one([*self.mandates[-4:], *self.holds[-1:]])
        party = self.one([getattr(order, "payee", None) or order.captor] * 5 + [order.holder])
        await self.journal.ask(Collect(order.holder, order.nonce, self._use_id(), party, self.amount()))

    async def control(self):
        who, action = self.one(self.people), self.one(ACTIONS)
        subject, value = bytes(32), 0
        if action.startswith("key"):
            subject = bytes(12) + self.one([*who.keys, self.one(self.officers)]).address
        elif action == "limit":
            kind, period = self.one(list(LimitKind)), self.one(list(Period))
            subject = LimitKey(kind, self.one(CURRENCIES).code, period).subject
            value = self.one([0, 100, 5_000, 10**6, 10**17, NO_LIMIT, 10**17 + 1])
        elif action in ("mandate-revoke", "cancel"):
            subject = self.one([m.nonce for m in self.mandates if m.holder == who.id] + self.nonces[-9:])
        await self.journal.control(await self._signed(LedgerControl, who, action=action, subject=subject, value=value))

    async def settle_contract(self):
        who = self.one(self.people)
        key = self.one([who.root.address, who.phone.address])
        if who.contract:
            await self.journal.ask(ContractKey(who.id, key, 1, self.random.randbytes(32)))

    async def change_officers(self):
        fields = {"key_epoch": 0, "seen_head": bytes(32), "holder": OPERATOR, "nonce": self.nonce()}
        fields |= {"valid_after": self.seconds - 60, "valid_before": self.seconds + 600}
        action = self.one(["key-add", "key-revoke", "cancel"])
        subject = self.one(self.nonces[-9:]) if action == "cancel" else bytes(12) + self.one(self.officers).address
        order = LedgerControl(action=action, subject=subject, **fields)
        digest = order.digest(self.journal.ledger_id)
        await self.journal.ask(ChangeOfficers(SignedOrder(order, self.one(self.officers).sign_digest(digest)), digest))

    async def enter(self):
        """An operator's entry: mostly as it may be, sometimes with a field that is wrong."""
        query = select(*(transfers.c[name] for name in MOVED)).where(transfers.c.credit_holder.is_not(None))
        async with self.engine.connect() as conn:
            self.moved = (await conn.execute(query.order_by(transfers.c.sequence.desc()).limit(12))).all()
        fields = self.one([self._hold, self._take, self._take, self._undo, self._silent, self._credit])()
        if self.random.random() < 0.1:
            name = self.one(["undoes", "cap", "until", "pending_id", "amount_minor", "reason_code"])
            fields[name] = self.one([0, 1, 5, 300, 101])
        entry = Entry(**({"nonce": self.nonce()} | fields))
        digest = entry.digest(self.journal.ledger_id)
        by = self.random.sample(self.officers[: self.one([2, 2, 3, 4])], 2)
        await self.journal.ask(PostEntry(entry, tuple(o.sign_digest(digest) for o in by), digest))
        self.entries.append(entry)

    def _common(self, listed, debit, credit, amount):
        fields = {"debit_account": debit, "credit_account": credit, "amount_minor": amount}
        return fields | {"currency": listed.code, "exponent": listed.exponent}

    def _until(self):
        return self.seconds + self.one([1, 3, 4, 15, 89, 90]) * 86_400 + self.one([0, 1])

    def _hold(self):
        listed, who, code = self.one(CURRENCIES), self.one(self.people), self.one([2, 3, 4])
        heir = self.one(self.people)
        purpose = {2: "compelled", 4: "inquiry"}.get(code)
        credit = account_id(OPERATOR, listed, purpose) if purpose else heir.account(listed)
        amount = 10**17 if code == 3 else self.amount()
        fields = self._common(listed, who.account(listed), credit, amount)
        fields |= {"reason": Reason.HOLD, "reason_code": code, "until": self._until()}
        if code == 3:
            fields["successor"] = heir.id
        return fields | (self._paper() if code == 2 else {})

    def _paper(self):
        number = self.random.randrange(1, 5)
        return {"document": bytes([number]) * 32, "cap": 400 * number}

    def _undo(self):
        sequence, debit, credit, amount, ledger = self.one(self.moved)
        listed = next(each for each in CURRENCIES if each.ledger == ledger)
        amount = self.one([amount, max(1, amount // 2), 1])
        fields = self._common(listed, credit, debit, amount)
        return fields | {"reason": Reason.HOLD, "reason_code": 1, "until": self._until(), "undoes": sequence}

    def _take(self):
        holds = [entry for entry in self.entries if entry.reason == Reason.HOLD]
        hold = self.one(holds[-8:])
        fields = {name: getattr(hold, name) for name in ("debit_account", "credit_account", "currency", "exponent")}
        fields |= {"pending_id": hold.leg_0, "amount_minor": hold.amount_minor}
        reason = {1: Reason.UNDOING, 2: Reason.COMPELLED, 3: Reason.RECOVERY, 4: Reason.RELEASE}[hold.reason_code]
        if reason is Reason.RELEASE or self.random.random() < 0.2:
            return fields | {"reason": Reason.RELEASE, "amount_minor": self.one([hold.amount_minor, 0, 1])}
        code = {Reason.UNDOING: 2, Reason.COMPELLED: 1, Reason.RECOVERY: 0}[reason]
        used = {1: ("undoes",), 2: ("document", "cap"), 3: ("successor",)}[hold.reason_code]
        return fields | {"reason": reason, "reason_code": code} | {name: getattr(hold, name) for name in used}

    def _silent(self):
        listed, who = self.one(CURRENCIES), self.one(self.people)
        fields = self._common(listed, who.account(listed), account_id(OPERATOR, listed, "compelled"), self.one([1, 90]))
        return fields | {"reason": Reason.COMPELLED, "reason_code": 101} | self._paper()

    def _credit(self):
        listed, who = self.one(CURRENCIES), self.one(self.people)
        debit = account_id(OPERATOR, listed, self.one(["capital", "capital", "bank", "fees"]))
        return self._common(listed, debit, who.account(listed), self.amount()) | {"reason": 6, "reason_code": 1}

    async def expire(self):
        await self.journal.release_expired()


KINDS = [
    *[Town.pay] * 4,
    *[Town.reserve] * 4,
    *[Town.capture] * 6,
    *[Town.collect] * 5,
    *[Town.agree] * 2,
    *[Town.enter] * 9,
    *[Town.control] * 4,
    *[Town.convert] * 3,
    *[Town.top_up] * 3,
    *(Town.withdraw, Town.release, Town.post, Town.expire, Town.change_officers, Town.settle_contract),
]
