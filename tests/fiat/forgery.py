"""Makes an honest journal with one of everything in it, and forges it as an operator could: chains, numbers and seals
are made good again with the operator's own key, so that only the lie itself is left to be found."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from fiat.authority import legs as order_legs
from fiat.authority import source_id
from fiat.chart import SourceKind
from fiat.currency import ISO_4217, currency
from fiat.head import chain_head, chain_link
from fiat.history_export import export, record_bytes, seal_bytes
from fiat.holder import MAIN, OPERATOR
from fiat.journal import Journal
from fiat.journal_engine import open_engine
from fiat.journal_values import Source
from fiat.order import LedgerWithdrawal, SignedOrder
from fiat.record import decode, leaf_hash, ledger_id
from fiat.seal import MerkleTree, seal_batch
from fiat.tables import metadata
from fiat.transfer import Transfer, TransferFlags
from tests.fiat.conftest import OPERATOR_KEY, Key, Person
from tests.fiat.journal_maker import counters_hash, entry_signed

EUR = currency("EUR")
SECOND = 10**9
START = 1_800_000_000 * SECOND
ALICE, BOB = Person(0xA11CE), Person(0xB0B)
_T = TransferFlags


class Clock:
    now = START

    def __call__(self):
        return self.now


async def live(url):
    """The bytes of an export of a journal that lived."""
    engine, clock = open_engine(url), Clock()
    async with engine.begin() as conn:
        await conn.run_sync(metadata.create_all)
    journal = await Journal.open(engine, OPERATOR_KEY, clock, drift_max_ns=None)
    names = ("clearing:sandbox", "payout:sandbox", "fees", "suspense")
    bank, payout, fees, other = [(await journal.open_account(OPERATOR, EUR, name)).id for name in names]
    for person in (ALICE, BOB):
        await journal.open_holder(person.genesis, [(EUR, MAIN)])

    async def post(*transfers, source=None):
        clock.now += SECOND
        outcomes = await journal.post(transfers, source)
        assert not any(o.status for o in outcomes), outcomes

    async def submit(signed, fee=0):
        clock.now += SECOND
        legs = order_legs(signed.order, journal.ledger_id, ISO_4217, payout="payout:sandbox", fee_minor=fee)
        assert (await journal.submit(signed, legs)).accepted

    def move(number, debit, credit, amount, flags=0, **fields):
        return Transfer(number, debit, credit, amount, ledger=EUR.ledger, code=5, flags=int(flags), **fields)

    now = START // SECOND
    await post(move(1, bank, ALICE.account, 10_000), source=Source(SourceKind.SANDBOX_TOPUP, source_id("a")))
    await post(move(2, bank, BOB.account, 500), source=Source(SourceKind.SANDBOX_TOPUP, source_id("b")))
    await submit(ALICE.pay(journal, BOB, 1_000, now=now, total_max_minor=1_010), fee=10)
    await submit(ALICE.pay(journal, BOB, 2_000, now=now))
    await submit(withdrawal(journal, 700, now))
    await post(move(3, other, fees, 50, _T.PENDING, timeout=30), move(4, other, fees, 60, _T.PENDING))
    await post(Transfer(5, amount=45, pending_id=4, flags=int(_T.POST_PENDING_TRANSFER)))
    await post(
        move(6, other, fees, 70, _T.PENDING | _T.CLOSING_CREDIT), move(7, other, payout, 80, _T.PENDING, timeout=9)
    )
    await post(Transfer(8, amount=0, pending_id=6, flags=int(_T.VOID_PENDING_TRANSFER)))
    await post(move(9, payout, bank, 10_000, _T.BALANCING_DEBIT), move(10, other, fees, 1, _T.PENDING, timeout=60))
    await post(move(11, payout, bank, 5, _T.PENDING | _T.BALANCING_DEBIT), move(12, other, fees, 3))
    clock.now += 12 * SECOND
    await post(move(13, other, fees, 2))
    clock.now += 20 * SECOND
    await post(move(14, other, fees, 2))
    await journal.close()
    async with engine.connect() as conn:
        made = b"".join([piece async for piece in export(conn)])
    await engine.dispose()
    return made


def withdrawal(journal, amount, now):
    fields = {"holder": ALICE.id, "key_epoch": 1, "nonce": os.urandom(32), "valid_after": now - 60}
    fields |= {"valid_before": now + 600, "seen_head": ALICE.id, "destination": bytes(32), "shown": bytes(32)}
    fields |= {"currency": "EUR", "exponent": 2, "amount_minor": amount, "total_max_minor": amount}
    order = LedgerWithdrawal(**fields)
    return SignedOrder(order, ALICE.key.sign_digest(order.digest(journal.ledger_id)))


def honest(folder):
    return asyncio.run(live(f"sqlite:///{folder}/journal.db"))


class Forger:
    """A journal taken apart, to be changed. `data` puts it together again."""

    def __init__(self, batches, seal_times):
        self.batches, self.seal_times = [list(batch) for batch in batches], list(seal_times)
        self.seal_changes = {}
        self.relink, self.renumber = True, True
        self.damage = lambda sequence, body: body
        self.key = OPERATOR_KEY
        self.ledger_id = ledger_id(self.batches[0][0].encode())

    @classmethod
    def of(cls, exported):
        """Of an export's bytes."""
        batches, seal_times, at = [], [], 16
        while at < len(exported):
            size = int.from_bytes(exported[at + 48 : at + 56], "big")
            seal_times.append(int.from_bytes(exported[at + 120 : at + 128], "big"))
            at += 193
            batches.append([])
            for _ in range(size):
                length = int.from_bytes(exported[at : at + 4], "big")
                batches[-1].append(decode(exported[at + 4 : at + 4 + length]))
                at += 4 + length
        return cls(batches, seal_times)

    def where(self, **wanted):
        """Batch and place of the first record with these values."""
        for number, batch in enumerate(self.batches):
            for place, record in enumerate(batch):
                kind = wanted.get("kind", type(record).__name__)
                fields = {n: v for n, v in wanted.items() if n != "kind"}
                if type(record).__name__ == kind and all(getattr(record, n, None) == v for n, v in fields.items()):
                    return number, place
        raise LookupError(wanted)

    def get(self, **wanted):
        number, place = self.where(**wanted)
        return self.batches[number][place]

    def change(self, wanted, **fields):
        number, place = self.where(**wanted)
        self.batches[number][place] = replace(self.batches[number][place], **fields)

    def change_order(self, wanted, *, key=None, legs=True, signature=None, record=None, **fields):
        """Another order in its place, signed by the person (or `key`), its legs' references made good."""
        number, place = self.where(**wanted)
        old = self.batches[number][place].order.order
        order = replace(old, **fields)
        digest = order.digest(self.ledger_id)
        signed = SignedOrder(order, signature or (key or ALICE.key).sign_digest(digest))
        before = int.from_bytes(old.digest(self.ledger_id)[:16], "big")
        self.batches[number][place] = replace(self.batches[number][place], order=signed, **(record or {}))
        reference = int.from_bytes(digest[:16], "big")
        for batch in self.batches if legs else ():
            for place, leg in enumerate(batch):
                if getattr(leg, "user_data_128", 0) == before:
                    batch[place] = replace(leg, user_data_128=reference)

    def change_control(self, wanted, *, key=None, record=None, **fields):
        """Another control order in its place, and in its record what that repeats of it."""
        number, place = self.where(**wanted)
        self.change_order(wanted, key=key, legs=False, **fields)
        order = self.batches[number][place].order.order
        said = {"subject": order.subject, "value": order.value}
        if order.action.startswith("key"):
            said["key"] = order.subject[12:]
        self.batches[number][place] = replace(self.batches[number][place], **(said | (record or {})))

    def change_entry(self, wanted, *, officers=None, **fields):
        """Another entry in its place, signed by two officers; its second record says the same."""
        number, place = self.where(**wanted)
        record = replace(self.batches[number][place], **fields)
        self.batches[number][place] = record = entry_signed(self.ledger_id, record, officers)
        names = ("user_data_128", "officer_1", "signature_1", "officer_2", "signature_2")
        said = {name: getattr(record, name) for name in names}
        for place, other in enumerate(self.batches[number]):
            if getattr(other, "nonce", None) == record.nonce:
                self.batches[number][place] = replace(other, **said)

    def drop(self, **wanted):
        number, place = self.where(**wanted)
        del self.batches[number][place]
        if not self.batches[number]:
            del self.batches[number], self.seal_times[number]

    def put(self, record, *, behind):
        number, place = self.where(**behind)
        self.batches[number].insert(place + 1, record)

    def _linked(self, record, chains):
        """The record with its holders' links as they must be."""
        names = [n for n in ("", "debit_", "credit_") if hasattr(record, n + "link")]
        links = {}
        for name in names:
            holder = getattr(record, name + "holder")
            if holder in chains and holder not in links:
                blind, count, head = chains[holder]
                links[holder] = chain_link(blind, count + 1, head)
        changes = {n + "link": links.get(getattr(record, n + "holder"), bytes(32)) for n in names}
        return replace(record, **changes) if self.relink else record

    @property
    def data(self):
        out, previous, sequence = b"tandem-journal-1", bytes(32), 0
        chains, counters = {}, {}
        for number, batch in enumerate(self.batches):
            bodies = []
            first = sequence
            for record in batch:
                if self.renumber:
                    record = replace(record, sequence=sequence)
                sequence += 1
                if type(record).__name__ == "KeyRecord" and record.holder not in (OPERATOR, *chains):
                    chains[record.holder] = (record.blind, 0, record.holder)
                record = self._linked(record, chains)
                bodies.append(self.damage(record.sequence, record.encode()))
                if type(record).__name__ == "OperatorRecord":
                    count, amount = counters.get((record.reason, record.ledger), (0, 0))
                    counters[record.reason, record.ledger] = count + 1, amount + record.amount
                for holder in {getattr(record, n, b"") for n in ("holder", "debit_holder", "credit_holder")}:
                    if holder in chains:
                        blind, count, head = chains[holder]
                        name = next(n for n in ("", "debit_", "credit_") if getattr(record, n + "holder", 0) == holder)
                        link = getattr(record, name + "link")
                        head = chain_head(holder, link, leaf_hash(bodies[-1]))
                        chains[holder] = (blind, count + 1, head)
            seal = seal_batch(
                self.key,
                self.ledger_id,
                number=number,
                previous=previous,
                first_sequence=first,
                tree=MerkleTree([leaf_hash(body) for body in bodies]),
                timestamp=self.seal_times[number],
                counters=counters_hash(counters),
            )
            if number in self.seal_changes:
                seal = replace(seal, **self.seal_changes[number])
                if "signature" not in self.seal_changes[number]:
                    seal = replace(seal, signature=self.key.sign_digest(seal.digest(self.ledger_id)))
            previous = seal.digest(self.ledger_id)
            out += seal_bytes({name: getattr(seal, name) for name in type(seal).__dataclass_fields__})
            out += b"".join(record_bytes(body) for body in bodies)
        return out


STRANGER = Key(0x5714)
