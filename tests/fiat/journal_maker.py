"""Makes the bytes of a journal with one of everything in it, record by record: no ledger is asked whether it may be.

So what the auditor accepts and refuses is tried out without the journal's own rules in the way. Each step takes a
second and is a batch of its own; steps have amounts of their own, by which tests find them again.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from fiat.currency import currency
from fiat.holder import MAIN, OPERATOR, HolderGenesis, Recovery, account_id, leg_id
from fiat.order import (
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    LedgerWithdrawal,
    SignedOrder,
)
from fiat.record import AccountRecord, ExpiryRecord, GenesisRecord, KeyRecord, OperatorRecord, TransferRecord, ledger_id
from fiat.signature import StructType, typed_digest
from tests.fiat.conftest import OPERATOR_KEY, Key, Person

EUR, USD = currency("EUR"), currency("USD")
SECOND, HOUR, DAY = 10**9, 3600 * 10**9, 86400 * 10**9
START = 1_800_000_000 * SECOND
ALICE, BOB, DAN = Person(0xA11CE), Person(0xB0B), Person(0xDA4)
ERIN = Person(0xE414, Recovery.CONTRACT_NEVER)
DAN.genesis = HolderGenesis(DAN.key.address, (0xDA4).to_bytes(32, "big"), Recovery.RECOVERABLE)
DAN.id = DAN.genesis.holder_id
DAN.account = account_id(DAN.id, EUR)
PHONE, TABLET, CONTRACT_KEY = Key(0xF0), Key(0xF1), Key(0xC0)
OFFICERS = sorted((Key(0x0F1), Key(0x0F2), Key(0x0F3)), key=lambda key: key.address)
LINKED, PENDING, POST, VOID, BALANCING = 1, 2, 4, 8, 16
NO_LIMIT = 2**63 - 1
PURPOSES = ("clearing", "payout", "bank", "fees", "rounding", "liquidity", "receivable")
CODES = {LedgerTransfer: 1, LedgerWithdrawal: 2, LedgerConversion: 7, LedgerHold: 8, LedgerMandate: 11}
ENTRY = StructType(
    "LedgerEntry",
    (
        ("reason", "uint8"),
        ("reasonCode", "uint16"),
        ("undoes", "uint64"),
        ("document", "bytes32"),
        ("cap", "uint64"),
        ("until", "uint64"),
        ("successor", "bytes32"),
        ("nonce", "bytes32"),
        ("debitAccount", "uint128"),
        ("creditAccount", "uint128"),
        ("amountMinor", "uint64"),
        ("pendingId", "uint128"),
        ("currency", "string"),
        ("exponent", "uint8"),
    ),
)


def number(text):
    """32 bytes that stand for a name."""
    return sha256(text.encode()).digest()


def entry_signed(ledger, record, signers=None, currency="EUR", exponent=2):
    """The operator's record with its reference and both officers' signatures made good."""
    values = {
        "reason": record.reason,
        "reasonCode": record.reason_code,
        "undoes": record.undoes,
        "document": record.document,
        "cap": record.cap,
        "until": record.until,
        "successor": record.successor,
        "nonce": record.nonce,
        "debitAccount": record.debit_account_id,
        "creditAccount": record.credit_account_id,
        "amountMinor": record.user_data_64,
        "pendingId": record.pending_id,
        "currency": currency,
        "exponent": exponent,
    }
    one, two = signers or OFFICERS[:2]
    digest = typed_digest(ledger, ENTRY.hash(values))
    return replace(
        record,
        user_data_128=int.from_bytes(digest[:16], "big"),
        officer_1=one.address,
        signature_1=one.sign_digest(digest),
        officer_2=two.address,
        signature_2=two.sign_digest(digest),
    )


def counters_hash(counters):
    """SHA-256 of the counts by reason and ledger, as every seal carries it."""
    wire = b"".join(
        reason.to_bytes(1, "big") + ledger.to_bytes(4, "big") + count.to_bytes(8, "big") + amount.to_bytes(16, "big")
        for (reason, ledger), (count, amount) in sorted(counters.items())
    )
    return sha256(wire).digest() if wire else bytes(32)


class Maker:
    """Batches of records in the making. Links, sequences and seals come later (forgery.Forger)."""

    def __init__(self):
        genesis = GenesisRecord(sequence=0, timestamp=START, operator=OPERATOR_KEY.address, random=bytes(32))
        self.now, self.batches, self.seal_times = START, [[genesis]], []
        self.ledger_id = ledger_id(genesis.encode())
        self.owners, self.epochs, self.uses = {}, {}, 0

    def wait(self, seconds=1):
        """Close the batch and let time pass."""
        self.seal_times.append(self.now)
        self.batches.append([])
        self.now += int(seconds * SECOND)

    def add(self, record_type, **fields):
        self.now += 1
        record = record_type(sequence=0, timestamp=self.now, **fields)
        self.batches[-1].append(record)
        return record

    def account(self, holder, money, purpose=MAIN):
        part = purpose.partition(":")[0]
        code = 1 if holder != OPERATOR else PURPOSES.index(part) + 2 if part in PURPOSES else 9
        id_ = account_id(holder, money, purpose)
        self.owners[id_] = holder
        fields = {"currency": money.code, "exponent": money.exponent, "purpose": purpose, "ledger": money.ledger}
        self.add(AccountRecord, id=id_, holder=holder, link=bytes(32), code=code, flags=2 * (code in (1, 7)), **fields)
        return id_

    def open(self, person, *currencies):
        genesis = person.genesis
        fields = {"salt": genesis.salt, "recovery": int(genesis.recovery), "blind": number(f"blind {person.id}")}
        self.add(KeyRecord, holder=person.id, link=bytes(32), action=1, epoch=1, key=genesis.root, **fields)
        self.epochs[person.id] = 1
        for money in currencies:
            self.account(person.id, money)

    def move(self, id_, debit, credit, amount, record_type=TransferRecord, money=EUR, code=5, **fields):
        sides = {"debit_holder": self.owners[debit], "credit_holder": self.owners[credit], "ledger": money.ledger}
        accounts = {"debit_account_id": debit, "credit_account_id": credit}
        return self.add(record_type, id=id_, amount=amount, code=code, **accounts, **sides, **fields)

    def expire(self, pending):
        names = ("debit_account_id", "credit_account_id", "amount", "ledger", "debit_holder", "credit_holder")
        self.add(ExpiryRecord, pending_id=pending.id, **{name: getattr(pending, name) for name in names})

    # Orders

    def sign(self, order_type, person, nonce, key=None, **fields):
        seconds = self.now // SECOND
        head = {
            "holder": person.id,
            "key_epoch": self.epochs[person.id],
            "nonce": number(nonce),
            "seen_head": person.id,
        }
        times = {"valid_after": seconds - 60, "valid_before": seconds + 600}
        if order_type is not LedgerControl:
            fields = {"shown": bytes(32), "currency": "EUR", "exponent": 2} | fields
        order = order_type(**(head | times | fields))
        return SignedOrder(order, (key or person.key).sign_digest(order.digest(self.ledger_id)))

    def legs(self, signed, *moves, first=None):
        """The linked chain of an order: each move (debit, credit, amount, fields)."""
        order, code, made = signed.order, CODES[type(signed.order)], []
        for leg, (debit, credit, amount, fields) in enumerate(moves):
            linked = LINKED if leg < len(moves) - 1 else 0
            fields = {"code": code, "order": None if leg else signed} | fields | ({} if leg else first or {})
            fields["flags"] = fields.get("flags", 0) | linked
            made.append(self.leg(order, leg, debit, credit, amount, **fields))
        return made

    def leg(self, of, leg, debit, credit, amount, **fields):
        reference = int.from_bytes(of.digest(self.ledger_id)[:16], "big")
        numbered = {"leg": leg, "user_data_32": leg, "user_data_128": reference}
        return self.move(leg_id(of.holder, of.nonce, leg), debit, credit, amount, **numbered, **fields)

    def source(self, kind, name=None):
        self.uses += 1
        return {"source_kind": kind, "source_id": number(name or f"source {self.uses}")}

    def timeout(self, until):
        """Whole seconds from the next record on."""
        return (until * SECOND - self.now - 1) // SECOND

    def pay(self, person, payee, amount, nonce, fee=0, key=None, **fields):
        signed = self.sign(
            LedgerTransfer,
            person,
            nonce,
            key,
            payee=payee.id,
            amount_minor=amount,
            total_max_minor=amount + fee,
            **fields,
        )
        moves = [(person.account, payee.account, amount, {})]
        moves += [(person.account, self.fees, fee, {"code": 6})] if fee else []
        return self.legs(signed, *moves)

    def withdraw(self, person, amount, nonce):
        fields = {"destination": bytes(32), "amount_minor": amount, "total_max_minor": amount}
        return self.legs(
            self.sign(LedgerWithdrawal, person, nonce, **fields), (person.account, self.payout, amount, {})
        )

    def convert(self, person, amount, received, nonce, fee=0):
        fields = {"amount_minor": amount, "total_max_minor": amount + fee, "receive_asset": "USD"}
        fields |= {"receive_min_minor": received - 1, "receive_to": bytes(20), "reference": number(nonce + " quote")}
        signed = self.sign(LedgerConversion, person, nonce, **fields)
        back = {"money": USD}
        moves = [
            (person.account, self.liquidity, amount, self.source(8, nonce + " quote")),
            (self.liquidity_usd, account_id(person.id, USD), received, back),
            (person.account, self.fees, fee, {"code": 6}),
        ]
        return self.legs(signed, *moves[: 3 if fee else 2])

    def hold(self, person, captor, amount, nonce, seconds=3600):
        until = self.now // SECOND + seconds
        fields = {"captor": captor.id, "amount_minor": amount, "total_max_minor": amount, "until": until}
        signed = self.sign(LedgerHold, person, nonce, **fields)
        reserved = {"flags": PENDING, "timeout": self.timeout(until)}
        return self.legs(signed, (person.account, captor.account, amount, reserved))[0]

    def capture(self, hold, pending, leg, amount, *, final=False):
        order, accounts = hold.order.order, (hold.debit_account_id, hold.credit_account_id)
        rest = 0 if final else pending.amount - amount
        linked = POST | (LINKED if rest else 0)
        self.leg(order, leg, *accounts, amount, code=8, flags=linked, pending_id=pending.id, **self.source(7))
        if rest:
            timeout = self.timeout(order.until)
            return self.leg(order, leg + 1, *accounts, rest, code=8, flags=PENDING, timeout=timeout)
        return None

    def release(self, hold, pending, leg):
        accounts = (hold.debit_account_id, hold.credit_account_id)
        fields = {"code": 8, "flags": VOID, "pending_id": pending.id} | self.source(7)
        self.leg(hold.order.order, leg, *accounts, pending.amount, **fields)

    def mandate(self, person, payee, per_period, nonce, **fields):
        terms = {
            "per_period_minor": per_period,
            "period_seconds": 3600,
            "count": 3,
            "until": self.now // SECOND + 86400,
        }
        signed = self.sign(LedgerMandate, person, nonce, payee=payee.id, **(terms | fields))
        return self.legs(signed, (person.account, payee.account, 0, {}))[0]

    def collect(self, mandate, leg, amount, period):
        accounts = (mandate.debit_account_id, mandate.credit_account_id)
        fields = {"code": 12, "user_data_64": period} | self.source(7)
        self.leg(mandate.order.order, leg, *accounts, amount, **fields)

    def control(self, person, action, subject=bytes(32), value=0, key=None, nonce=None):
        self.uses += 1
        fields = {"action": action, "subject": subject, "value": value}
        signed = self.sign(LedgerControl, person, nonce or f"control {self.uses}", key, **fields)
        self.put_control(signed)

    def put_control(self, signed, *, delayed=None):
        order = signed.order
        actions = ("key-add", "key-revoke", "freeze", "unfreeze", "limit", "mandate-revoke", "cancel")
        self.epochs[order.holder] = self.epochs.get(order.holder, 0)
        if order.action in ("key-revoke", "unfreeze") and order.holder != OPERATOR:
            self.epochs[order.holder] += 1
        later = order.action == "key-add" if delayed is None else delayed
        self.add(
            KeyRecord,
            holder=order.holder,
            link=bytes(32),
            action=actions.index(order.action) + 2,
            epoch=self.epochs[order.holder],
            key=order.subject[12:] if order.action.startswith("key") else bytes(20),
            subject=order.subject,
            value=order.value,
            effective_at=self.now + 1 + (48 * HOUR if later else 0),
            order=signed,
        )

    def limit(self, person, text, value, *, key=None, raises=False, nonce=None):
        self.uses += 1
        subject = text.encode().ljust(32, b"\0")
        fields = {"action": "limit", "subject": subject, "value": value}
        signed = self.sign(LedgerControl, person, nonce or f"control {self.uses}", key, **fields)
        self.put_control(signed, delayed=raises)

    # Officers and their entries

    def name_officer(self, key):
        fields = {"action": 2, "epoch": 0, "effective_at": self.now + 1}
        self.add(KeyRecord, holder=OPERATOR, link=bytes(32), key=key.address, **fields)

    def officer_control(self, action, subject, signer, nonce=None):
        self.uses += 1
        seconds = self.now // SECOND
        order = LedgerControl(
            holder=OPERATOR,
            key_epoch=0,
            nonce=number(nonce or f"control {self.uses}"),
            valid_after=seconds - 60,
            valid_before=seconds + 600,
            seen_head=bytes(32),
            action=action,
            subject=subject,
        )
        self.put_control(SignedOrder(order, signer.sign_digest(order.digest(self.ledger_id))))

    def entry(self, reason, reason_code, debit, credit, amount, signed=None, missing=0, **fields):
        """One record, or two (`missing`: of the second). `amount` moves, `signed` is what the officers signed."""
        self.uses += 1
        nonce = number(f"entry {self.uses}")
        until = fields.get("until")
        if until:
            fields["timeout"] = self.timeout(until)
        blank = {"officer_1": bytes(20), "signature_1": bytes(65), "officer_2": bytes(20), "signature_2": bytes(65)}
        said = {"reason": reason, "reason_code": reason_code, "nonce": nonce, "code": 14} | blank
        said["user_data_64"] = amount + missing if signed is None else signed
        fields["flags"] = fields.get("flags", 0) | (LINKED if missing else 0)
        made = self.move(leg_id(OPERATOR, nonce, 0), debit, credit, amount, OperatorRecord, **said, **fields)
        made = self.batches[-1][-1] = entry_signed(self.ledger_id, made)
        if missing:
            self.now += 1
            other = replace(
                made,
                timestamp=self.now,
                id=leg_id(OPERATOR, nonce, 1),
                user_data_32=1,
                amount=missing,
                flags=0,
                pending_id=0,
            )
            if reason == 1:
                other = replace(other, debit_account_id=self.receivable, debit_holder=OPERATOR)
            self.batches[-1].append(other)
        return made

    def officers_hold(self, reason_code, person, target, amount, signed=None, days=30, **fields):
        until = self.now // SECOND + days * 86400
        flags = PENDING | BALANCING
        return self.entry(4, reason_code, person.account, target, amount, signed, flags=flags, until=until, **fields)

    def carry_out(self, reason, reason_code, held, missing=0, flags=POST, **fields):
        accounts = held.debit_account_id, held.credit_account_id
        return self.entry(
            reason, reason_code, *accounts, held.amount, missing=missing, flags=flags, pending_id=held.id, **fields
        )


def one_of_everything():
    """Holders, money in and out, every order with its uses, every control, officers and every entry."""
    m = Maker()
    _open(m)
    _orders(m)
    _holds_and_mandates(m)
    _controls(m)
    _entries(m)
    m.seal_times.append(m.now)
    return m


def _open(m):
    m.wait()
    for purpose in ("bank", "clearing:sandbox", "fees", "payout:sandbox", "liquidity", "receivable", "suspense"):
        setattr(m, purpose.partition(":")[0], m.account(OPERATOR, EUR, purpose))
    m.compelled, m.inquiry = m.account(OPERATOR, EUR, "compelled"), m.account(OPERATOR, EUR, "inquiry")
    m.bank_usd, m.liquidity_usd = m.account(OPERATOR, USD, "bank"), m.account(OPERATOR, USD, "liquidity")
    m.wait()
    for person in (ALICE, BOB, DAN, ERIN):
        m.open(person, EUR, *([USD] if person is ALICE else []))
    m.wait()
    for id_, (person, amount) in enumerate(((ALICE, 100_000), (BOB, 5_000), (DAN, 7_000), (ERIN, 1_100)), 1):
        m.move(id_, m.bank, person.account, amount, **m.source(4))
    m.move(5, m.bank, m.liquidity, 9_000, **m.source(4))
    m.move(6, m.bank_usd, m.liquidity_usd, 9_001, money=USD, **m.source(4))
    m.move(7, m.clearing, m.suspense, 61, flags=LINKED, **m.source(6))
    m.move(8, m.suspense, m.fees, 30)
    m.move(9, m.bank, m.clearing, 500)
    m.wait()


def _orders(m):
    m.pay(ALICE, BOB, 1_000, "first", fee=10)
    m.wait()
    m.pay(ALICE, BOB, 2_000, "second")
    m.wait()
    m.withdraw(ALICE, 700, "withdrawal")
    m.wait()
    m.convert(ALICE, 400, 440, "conversion", fee=4)
    m.wait()


def _holds_and_mandates(m):
    hold = m.hold(ALICE, BOB, 3_000, "captured")
    m.wait()
    rest = m.capture(hold, hold, 1, 1_001)
    m.wait()
    m.capture(hold, rest, 3, 1_002, final=True)
    m.wait()
    released = m.hold(ALICE, BOB, 303, "released")
    m.wait()
    m.release(released, released, 1)
    m.wait()
    expired = m.hold(ALICE, BOB, 304, "expired", seconds=60)
    m.wait(61)
    m.expire(expired)
    mandate = m.mandate(ALICE, BOB, 100, "mandate")
    m.wait()
    m.collect(mandate, 1, 60, 0)
    m.wait()
    m.collect(mandate, 2, 40, 0)
    m.wait(3600)
    m.collect(mandate, 3, 99, 1)
    m.wait()
    m.control(ALICE, "mandate-revoke", number("mandate"))
    m.wait()


def _controls(m):
    m.add(
        KeyRecord,
        holder=ERIN.id,
        link=bytes(32),
        action=9,
        epoch=1,
        key=CONTRACT_KEY.address,
        subject=number("block"),
        value=1,
        effective_at=m.now + 1,
    )
    m.wait()
    m.pay(ERIN, BOB, 100, "by contract", key=CONTRACT_KEY)
    m.wait()
    m.control(ALICE, "key-add", bytes(12) + PHONE.address, nonce="add phone")
    m.control(ALICE, "key-add", bytes(12) + TABLET.address, nonce="add tablet")
    m.control(ALICE, "cancel", number("add tablet"))
    m.limit(ALICE, "transfer:EUR:day", 5_000, nonce="limit a day")
    m.limit(ALICE, "all:EUR:month", 50_000)
    m.limit(ALICE, "transfer:EUR:day", 6_000, raises=True, nonce="raise a day")
    m.wait(49 * 3600)
    m.pay(ALICE, BOB, 5_500, "by phone", key=PHONE)
    m.wait()
    m.limit(ALICE, "transfer:EUR:day", NO_LIMIT, raises=True, nonce="no limit")
    m.control(ALICE, "cancel", number("no limit"), key=PHONE)
    m.limit(ALICE, "transfer:EUR:day", 5_900, key=PHONE)
    m.control(ALICE, "freeze", key=PHONE)
    m.wait()
    m.limit(ALICE, "transfer:EUR:day", 5_800, key=PHONE)
    m.control(ALICE, "unfreeze")
    m.wait()
    m.control(ALICE, "key-revoke", bytes(12) + PHONE.address, key=PHONE)
    m.wait()
    m.pay(ALICE, BOB, 17, "after all")
    m.wait()


def _entries(m):
    one, two, three = OFFICERS
    m.name_officer(one)
    m.name_officer(two)
    m.wait()
    m.officer_control("key-add", bytes(12) + three.address, one, nonce="third officer")
    m.officer_control("key-add", bytes(12) + PHONE.address, one, nonce="fourth officer")
    m.officer_control("cancel", number("fourth officer"), two)
    m.wait(48 * 3600 + 1)
    m.officer_control("key-revoke", bytes(12) + three.address, two)
    m.wait()
    m.entry(6, 1, m.fees, BOB.account, 21)
    m.wait()
    m.place_of_first = sum(len(batch) for batch in m.batches[:4])  # the record of the first order: it credited Bob
    m.withdraw(BOB, 15_100, "bob spends")
    m.wait()
    undone = m.officers_hold(1, BOB, ALICE.account, 740, undoes=m.place_of_first, signed=900)
    m.wait()
    m.pay(ALICE, BOB, 1_500, "bob has money again")
    m.wait()
    document = {"document": number("court order"), "cap": 1_400}
    compelled = m.officers_hold(2, BOB, m.compelled, 1_200, **document)
    asked = m.officers_hold(4, ALICE, m.inquiry, 45)
    expires = m.officers_hold(4, ALICE, m.inquiry, 46, days=4)
    recovered = m.officers_hold(3, DAN, ERIN.account, 7_000, signed=10**17, successor=ERIN.id)
    m.wait()
    m.carry_out(5, 0, asked, flags=VOID)
    m.wait(73 * 3600)
    m.carry_out(1, 2, undone, missing=160, undoes=m.place_of_first)
    m.carry_out(2, 2, compelled, **document)
    m.entry(2, 101, BOB.account, m.compelled, 44, flags=BALANCING, **document)
    m.wait(86400)
    m.expire(expires)
    m.pay(ALICE, DAN, 1_703, "dan gets more")
    m.wait(11 * 86400)
    m.carry_out(3, 0, recovered, missing=1_703, signed=10**17, successor=ERIN.id)
