"""The machine once more, naively, written from its specification: a list of facts, and sums over it.

Nothing is kept but what happened. A balance is a sum over all facts; a chain that fails is undone by putting the old
list back; a status is the first row of one long table, in the specification's order, whose condition holds. Slow, and
of another shape than `fiat.machine` on purpose; only field names and flag bits are shared.
"""

from __future__ import annotations

from functools import cached_property

from fiat.transfer import Account, Transfer
from fiat.transfer import AccountFlags as A
from fiat.transfer import TransferFlags as T

SECOND = 10**9
MAX = 2**128 - 1
LAST_TIME = 2**63 - 1
BURNING = {
    "debit_account_not_found",
    "credit_account_not_found",
    "pending_transfer_not_found",
    "debit_account_already_closed",
    "credit_account_already_closed",
    "exceeds_credits",
    "exceeds_debits",
}


class Fact:
    """An account, a transfer or an expiry that happened, with the values that it has in the end."""

    def __init__(self, kind, event, at, **changed):
        self.kind, self.at = kind, at
        for name in (Account if kind == "account" else Transfer)._fields:
            setattr(self, name, changed.get(name, getattr(event, name)))

    def has(self, flag):
        return bool(self.flags & flag)


class Naive:
    def __init__(self, amount_max=MAX):
        self.amount_max = amount_max
        self.facts = []
        self.burnt = set()

    # What the facts say.

    def of(self, kind, fact_id):
        return next((f for f in self.facts if f.kind == kind and f.id == fact_id), None)

    def fate(self, pending_id):
        """What became of a pending transfer: posted, voided, expired, or None."""
        for fact in self.facts:
            if fact.kind == "expiry" and fact.id == pending_id:
                return "expired"
            if fact.kind == "transfer" and fact.pending_id == pending_id:
                return "posted" if fact.has(T.POST_PENDING_TRANSFER) else "voided"
        return None

    def sums(self, account_id):
        """debits pending, debits posted, credits pending, credits posted."""
        pending, posted = [0, 0], [0, 0]
        for fact in self.facts:
            if fact.kind != "transfer" or fact.has(T.VOID_PENDING_TRANSFER):
                continue
            for side, owner in enumerate((fact.debit_account_id, fact.credit_account_id)):
                if owner == account_id and not fact.has(T.PENDING):
                    posted[side] += fact.amount
                elif owner == account_id and self.fate(fact.id) is None:
                    pending[side] += fact.amount
        return pending[0], posted[0], pending[1], posted[1]

    def closed(self, account_id):
        if self.of("account", account_id).has(A.CLOSED):
            return True
        for fact in self.facts:
            if fact.kind == "transfer" and fact.has(T.PENDING) and self.fate(fact.id) in (None, "posted"):
                if fact.has(T.CLOSING_DEBIT) and fact.debit_account_id == account_id:
                    return True
                if fact.has(T.CLOSING_CREDIT) and fact.credit_account_id == account_id:
                    return True
        return False

    def flags(self, account_id):
        return self.of("account", account_id).flags | (A.CLOSED if self.closed(account_id) else 0)

    def latest(self, *kinds):
        return max((f.at for f in self.facts if f.kind in kinds), default=0)

    def free(self, at):
        return all(f.at != at for f in self.facts)

    # What happens.

    def release(self, now):
        """Expire what is due by `now`; the last at now + how many there were. Returns the new time."""
        pending = [f for f in self.facts if f.kind == "transfer" and f.has(T.PENDING) and f.timeout]
        due = [f for f in pending if self.fate(f.id) is None and f.at + f.timeout * SECOND <= now]
        for fact in sorted(due, key=lambda f: (f.at + f.timeout * SECOND, f.at)):
            now += 1
            self.facts.append(Fact("expiry", fact, now))
        return now

    def batch(self, kind, events, now):
        """Statuses (lower-case names) and timestamps; the last event's moment is `now`."""
        first = now - len(events) + 1
        imported = bool(events) and bool(events[0].flags & A_OR_T[kind].IMPORTED)
        answers, index = [], 0
        while index < len(events):
            end = index
            while end < len(events) and events[end].flags & 1:
                end += 1
            chain = events[index : end + 1]
            moments = [first + index + i for i in range(len(chain))]
            answers += self.chain(kind, chain, moments, now, imported, is_open=end == len(events))
            index = end + 1
        return answers

    def chain(self, kind, chain, moments, now, imported, *, is_open):
        before, answers, broken = list(self.facts), [], None
        for place, (event, at) in enumerate(zip(chain, moments, strict=True)):
            if is_open and place == len(chain) - 1:
                status = "linked_event_chain_open"
            elif broken is not None:
                status = "linked_event_failed"
            else:
                status, at = self.one(kind, event, at, now, imported)
            answers.append((status, at))
            if status != "created" and broken is None:
                broken = place
        if broken is not None:
            self.facts = before
            if len(chain) > 1 or is_open:
                answers[:broken] = [("linked_event_failed", at) for at in moments[:broken]]
        return answers

    def one(self, kind, event, at, now, imported):
        view = (AccountView if kind == "account" else TransferView)(self, event, at, now, imported)
        status = next((name for name, holds in view.table if holds(view)), "created")
        if status == "created":
            at = event.timestamp or at
            self.facts.append(view.fact(at))
        elif status == "exists":
            at = view.same.at
        elif status in BURNING and kind == "transfer":
            self.burnt.add(event.id)
        return status, at


A_OR_T = {"account": A, "transfer": T}


class View:
    """One event before the facts: what the table's conditions ask."""

    KIND = ""

    def __init__(self, model, event, at, now, imported):
        self.model, self.event, self.now, self.imported = model, event, now, imported
        self.own = bool(event.flags & A_OR_T[self.KIND].IMPORTED)
        self.at = event.timestamp if imported else at

    def has(self, flags):
        return bool(self.event.flags & flags)

    @cached_property
    def same(self):
        return self.model.of(self.KIND, self.event.id)


def differs(name):
    return f"exists_with_different_{name}", lambda v: v.same and getattr(v.asked, name) != getattr(v.same, name)


BEGINNING = [
    ("imported_event_expected", lambda v: v.imported and not v.own),
    ("imported_event_not_expected", lambda v: v.own and not v.imported),
    ("timestamp_must_be_zero", lambda v: not v.imported and v.event.timestamp != 0),
    ("imported_event_timestamp_out_of_range", lambda v: v.imported and not 1 <= v.event.timestamp <= LAST_TIME),
    ("imported_event_timestamp_must_not_advance", lambda v: v.imported and v.event.timestamp >= v.now),
]
ID = [
    ("id_must_not_be_zero", lambda v: v.event.id == 0),
    ("id_must_not_be_int_max", lambda v: v.event.id == MAX),
]


class AccountView(View):
    KIND = "account"
    table = (
        *BEGINNING,
        ("reserved_flag", lambda v: v.event.flags >= 64),
        *ID,
        (
            "exists_with_different_flags",
            lambda v: v.same and v.event.flags != v.model.flags(v.event.id),
        ),
        differs("user_data_128"),
        differs("user_data_64"),
        differs("user_data_32"),
        differs("ledger"),
        differs("code"),
        ("exists", lambda v: v.same),
        (
            "flags_are_mutually_exclusive",
            lambda v: v.has(A.DEBITS_MUST_NOT_EXCEED_CREDITS) and v.has(A.CREDITS_MUST_NOT_EXCEED_DEBITS),
        ),
        ("debits_pending_must_be_zero", lambda v: v.event.debits_pending > 0),
        ("debits_posted_must_be_zero", lambda v: v.event.debits_posted > 0),
        ("credits_pending_must_be_zero", lambda v: v.event.credits_pending > 0),
        ("credits_posted_must_be_zero", lambda v: v.event.credits_posted > 0),
        ("ledger_must_not_be_zero", lambda v: v.event.ledger == 0),
        ("code_must_not_be_zero", lambda v: v.event.code == 0),
        (
            "imported_event_timestamp_must_not_regress",
            lambda v: v.own and (v.at <= v.model.latest("account") or not v.model.free(v.at)),
        ),
    )

    @property
    def asked(self):
        return self.event

    def fact(self, at):
        return Fact("account", self.event, at)


BALANCING = T.BALANCING_DEBIT | T.BALANCING_CREDIT
CLOSING = T.CLOSING_DEBIT | T.CLOSING_CREDIT
RESOLVING = T.POST_PENDING_TRANSFER | T.VOID_PENDING_TRANSFER


def unlike_pending(name):
    return (
        f"pending_transfer_has_different_{name}",
        lambda v: v.resolves and getattr(v.event, name) and getattr(v.event, name) != getattr(v.pending, name),
    )


def overflow(name, *parts):
    def holds(v):
        if v.resolves or ("pending" in name and not v.has(T.PENDING)):
            return False
        sums = v.debit_sums if "debits" in name else v.credit_sums
        return v.amount + sum(sums[part] for part in parts) > v.model.amount_max

    return f"overflows_{name}", holds


class TransferView(View):
    KIND = "transfer"
    table = (
        *BEGINNING,
        ("reserved_flag", lambda v: v.event.flags >= 512),
        *ID,
        differs("flags"),
        differs("pending_id"),
        differs("timeout"),
        differs("debit_account_id"),
        differs("credit_account_id"),
        ("exists_with_different_amount", lambda v: v.same and v.amount_differs),
        differs("user_data_128"),
        differs("user_data_64"),
        differs("user_data_32"),
        differs("ledger"),
        differs("code"),
        ("exists", lambda v: v.same),
        ("id_already_failed", lambda v: v.event.id in v.model.burnt),
        (
            "flags_are_mutually_exclusive",
            lambda v: v.resolves and (v.has(T.PENDING | BALANCING | CLOSING) or v.posts_and_voids),
        ),
        ("debit_account_id_must_not_be_zero", lambda v: not v.resolves and v.event.debit_account_id == 0),
        ("debit_account_id_must_not_be_int_max", lambda v: not v.resolves and v.event.debit_account_id == MAX),
        ("credit_account_id_must_not_be_zero", lambda v: not v.resolves and v.event.credit_account_id == 0),
        ("credit_account_id_must_not_be_int_max", lambda v: not v.resolves and v.event.credit_account_id == MAX),
        (
            "accounts_must_be_different",
            lambda v: not v.resolves and v.event.debit_account_id == v.event.credit_account_id,
        ),
        ("pending_id_must_be_zero", lambda v: not v.resolves and v.event.pending_id != 0),
        ("pending_id_must_not_be_zero", lambda v: v.resolves and v.event.pending_id == 0),
        ("pending_id_must_not_be_int_max", lambda v: v.resolves and v.event.pending_id == MAX),
        ("pending_id_must_be_different", lambda v: v.resolves and v.event.pending_id == v.event.id),
        ("timeout_reserved_for_pending_transfer", lambda v: v.event.timeout and not v.has(T.PENDING)),
        ("closing_transfer_must_be_pending", lambda v: v.has(CLOSING) and not v.has(T.PENDING)),
        ("ledger_must_not_be_zero", lambda v: not v.resolves and v.event.ledger == 0),
        ("code_must_not_be_zero", lambda v: not v.resolves and v.event.code == 0),
        ("debit_account_not_found", lambda v: not v.resolves and v.debit is None),
        ("credit_account_not_found", lambda v: not v.resolves and v.credit is None),
        ("accounts_must_have_the_same_ledger", lambda v: not v.resolves and v.debit.ledger != v.credit.ledger),
        (
            "transfer_must_have_the_same_ledger_as_accounts",
            lambda v: not v.resolves and v.event.ledger != v.debit.ledger,
        ),
        ("pending_transfer_not_found", lambda v: v.resolves and v.pending is None),
        ("pending_transfer_not_pending", lambda v: v.resolves and not v.pending.has(T.PENDING)),
        unlike_pending("debit_account_id"),
        unlike_pending("credit_account_id"),
        unlike_pending("ledger"),
        unlike_pending("code"),
        ("exceeds_pending_transfer_amount", lambda v: v.resolves and v.amount > v.pending.amount),
        (
            "pending_transfer_has_different_amount",
            lambda v: v.has(T.VOID_PENDING_TRANSFER) and v.amount != v.pending.amount,
        ),
        ("pending_transfer_already_posted", lambda v: v.resolves and v.fate == "posted"),
        ("pending_transfer_already_voided", lambda v: v.resolves and v.fate == "voided"),
        ("pending_transfer_expired", lambda v: v.resolves and v.fate == "expired"),
        (
            "imported_event_timestamp_must_not_regress",
            lambda v: v.own and (v.at <= v.model.latest("transfer", "expiry") or not v.model.free(v.at)),
        ),
        ("imported_event_timestamp_must_postdate_debit_account", lambda v: v.own and v.at <= v.debit.at),
        ("imported_event_timestamp_must_postdate_credit_account", lambda v: v.own and v.at <= v.credit.at),
        ("imported_event_timeout_must_be_zero", lambda v: v.own and v.event.timeout),
        ("debit_account_already_closed", lambda v: not v.voids and v.model.closed(v.debit.id)),
        ("credit_account_already_closed", lambda v: not v.voids and v.model.closed(v.credit.id)),
        overflow("debits_pending", 0),
        overflow("credits_pending", 2),
        overflow("debits_posted", 1),
        overflow("credits_posted", 3),
        overflow("debits", 0, 1),
        overflow("credits", 2, 3),
        ("overflows_timeout", lambda v: v.at + v.event.timeout * SECOND > LAST_TIME),
        (
            "exceeds_credits",
            lambda v: (
                not v.resolves
                and v.debit.has(A.DEBITS_MUST_NOT_EXCEED_CREDITS)
                and v.debit_sums[0] + v.debit_sums[1] + v.amount > v.debit_sums[3]
            ),
        ),
        (
            "exceeds_debits",
            lambda v: (
                not v.resolves
                and v.credit.has(A.CREDITS_MUST_NOT_EXCEED_DEBITS)
                and v.credit_sums[2] + v.credit_sums[3] + v.amount > v.credit_sums[1]
            ),
        ),
    )

    @property
    def resolves(self):
        return self.has(RESOLVING)

    @property
    def voids(self):
        return self.has(T.VOID_PENDING_TRANSFER)

    @property
    def posts_and_voids(self):
        return self.has(T.VOID_PENDING_TRANSFER) and self.has(T.POST_PENDING_TRANSFER)

    @cached_property
    def pending(self):
        return self.model.of("transfer", self.event.pending_id)

    @cached_property
    def asked(self):
        """The event as it is compared: zero fields of a post or void take the pending transfer's."""
        if self.resolves and self.pending is not None:
            inherited = ("debit_account_id", "credit_account_id", "user_data_128", "user_data_64", "user_data_32")
            inherited += ("ledger", "code")
            taken = {n: getattr(self.event, n) or getattr(self.pending, n) for n in inherited}
            return Fact("transfer", self.event, self.at, **taken)
        return self.event

    @property
    def fate(self):
        fate = self.model.fate(self.pending.id)
        timed_out = self.pending.timeout and self.at >= self.pending.at + self.pending.timeout * SECOND
        return fate or ("expired" if timed_out else None)

    @cached_property
    def debit(self):
        return self.model.of("account", self.asked.debit_account_id)

    @cached_property
    def credit(self):
        return self.model.of("account", self.asked.credit_account_id)

    @cached_property
    def debit_sums(self):
        return self.model.sums(self.debit.id)

    @cached_property
    def credit_sums(self):
        return self.model.sums(self.credit.id)

    @property
    def amount_differs(self):
        asked, moved = self.event.amount, self.same.amount
        if self.has(BALANCING):
            return moved > asked
        if self.has(T.POST_PENDING_TRANSFER):
            whole = self.model.of("transfer", self.same.pending_id).amount
            return asked < whole if moved == whole else asked != moved
        return asked != moved and not (self.voids and asked == 0)

    @cached_property
    def amount(self):
        """What would move."""
        amount = self.event.amount
        if self.has(T.POST_PENDING_TRANSFER) and amount == MAX:
            return self.pending.amount
        if self.voids and amount == 0:
            return self.pending.amount
        if self.has(T.BALANCING_DEBIT):
            pending, posted, _, credits_posted = self.debit_sums
            amount = max(0, min(amount, credits_posted - posted - pending))
        if self.has(T.BALANCING_CREDIT):
            _, debits_posted, pending, posted = self.credit_sums
            amount = max(0, min(amount, debits_posted - posted - pending))
        return amount

    def fact(self, at):
        names = ("debit_account_id", "credit_account_id", "user_data_128", "user_data_64", "user_data_32")
        values = {n: getattr(self.asked, n) for n in (*names, "ledger", "code")}
        return Fact("transfer", self.event, at, amount=self.amount, **values)
