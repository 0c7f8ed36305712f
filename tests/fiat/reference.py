"""Posting one by one through SQL: the slow reference for the journal's answers.

Every transfer is looked up, decided and written by statements of its own, chains between savepoints, balances moved in
place. No memory, no batch: what group commit and the cache must not be told apart from. Knows plain, pending, post and
void transfers, limits, balancing, timeouts, linked chains and burnt ids; not closing and imported ones.
"""

from __future__ import annotations

import sqlite3

from fiat.transfer import TRANSIENT, AccountFlags, TransferFlags
from fiat.transfer import TransferStatus as S

SECOND = 10**9
MAX, ALL = 2**63 - 1, 2**128 - 1
T = TransferFlags


class Reference:
    def __init__(self):
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("CREATE TABLE accounts (id TEXT PRIMARY KEY, ledger, flags, dp INT, d INT, cp INT, c INT)")
        columns = "id TEXT PRIMARY KEY, debit, credit, amount INT, pending, timeout, ledger, code, flags, at INT"
        self.db.execute(f"CREATE TABLE transfers ({columns}, fate)")
        self.db.execute("CREATE TABLE burnt (id TEXT PRIMARY KEY)")

    def open(self, account):
        values = (str(account.id), account.ledger, account.flags)
        self.db.execute("INSERT INTO accounts VALUES (?, ?, ?, 0, 0, 0, 0)", values)

    def balances(self, account_id):
        return tuple(self.row("SELECT dp, d, cp, c FROM accounts WHERE id = ?", account_id))

    def row(self, query, row_id):
        return self.db.execute(query, (str(row_id),)).fetchone()

    def post(self, transfers, times):
        """Statuses; `times` are the moments that the journal gave to the transfers."""
        answers, burnt, chain = [], [], None
        for place, (transfer, at) in enumerate(zip(transfers, times, strict=True)):
            if transfer.flags & T.LINKED and chain is None:
                chain, broken = place, False
                self.db.execute("SAVEPOINT chain")
            if transfer.flags & T.LINKED and place == len(transfers) - 1:
                status = S.LINKED_EVENT_CHAIN_OPEN
            elif chain is not None and broken:
                status = S.LINKED_EVENT_FAILED
            else:
                status = self.one(transfer, at)
            answers.append(status)
            if status in TRANSIENT:
                burnt.append(transfer.id)
                self.db.execute("INSERT INTO burnt VALUES (?)", (str(transfer.id),))
            if chain is not None and status and not broken:
                broken = True
                answers[chain:place] = [S.LINKED_EVENT_FAILED] * (place - chain)
            if chain is not None and (not transfer.flags & T.LINKED or place == len(transfers) - 1):
                if broken:
                    self.db.execute("ROLLBACK TO chain")
                    for transfer_id in burnt:
                        self.db.execute("INSERT OR IGNORE INTO burnt VALUES (?)", (str(transfer_id),))
                self.db.execute("RELEASE chain")
                chain = None
        return answers

    def expire(self, now):
        query = "SELECT * FROM transfers WHERE fate = 'open' AND timeout > 0 AND at + timeout * 1000000000 <= ?"
        for pending in self.db.execute(query, (now,)).fetchall():
            self.free(pending, 0, "expired")

    def one(self, t, at):
        known = self.row("SELECT * FROM transfers WHERE id = ?", t.id)
        if known:
            return self.same(t, known)
        if self.row("SELECT 1 FROM burnt WHERE id = ?", t.id):
            return S.ID_ALREADY_FAILED
        return (
            self.resolve(t, at) if t.flags & (T.POST_PENDING_TRANSFER | T.VOID_PENDING_TRANSFER) else self.move(t, at)
        )

    def same(self, t, known):
        if t.flags != known["flags"]:
            return S.EXISTS_WITH_DIFFERENT_FLAGS
        if str(t.pending_id) != known["pending"]:
            return S.EXISTS_WITH_DIFFERENT_PENDING_ID
        if t.timeout != known["timeout"]:
            return S.EXISTS_WITH_DIFFERENT_TIMEOUT
        if not t.pending_id and str(t.debit_account_id) != known["debit"]:
            return S.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
        if not t.pending_id and str(t.credit_account_id) != known["credit"]:
            return S.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
        moved = known["amount"]
        differs = t.amount != moved
        if t.flags & (T.BALANCING_DEBIT | T.BALANCING_CREDIT):
            differs = t.amount < moved
        if t.pending_id:
            whole = self.row("SELECT amount FROM transfers WHERE id = ?", t.pending_id)["amount"]
            if t.flags & T.POST_PENDING_TRANSFER and moved == whole:
                differs = t.amount < whole
            if t.flags & T.VOID_PENDING_TRANSFER and t.amount == 0:
                differs = False
        return S.EXISTS_WITH_DIFFERENT_AMOUNT if differs else S.EXISTS

    def move(self, t, at):
        if t.debit_account_id == t.credit_account_id:
            return S.ACCOUNTS_MUST_BE_DIFFERENT
        debit = self.row("SELECT * FROM accounts WHERE id = ?", t.debit_account_id)
        credit = self.row("SELECT * FROM accounts WHERE id = ?", t.credit_account_id)
        if not debit:
            return S.DEBIT_ACCOUNT_NOT_FOUND
        if not credit:
            return S.CREDIT_ACCOUNT_NOT_FOUND
        if debit["ledger"] != credit["ledger"]:
            return S.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
        amount = t.amount
        if t.flags & T.BALANCING_DEBIT:
            amount = min(amount, max(0, debit["c"] - debit["d"] - debit["dp"]))
        if t.flags & T.BALANCING_CREDIT:
            amount = min(amount, max(0, credit["d"] - credit["c"] - credit["cp"]))
        pending = t.flags & T.PENDING
        for side, row, status in (("d", debit, "DEBITS"), ("c", credit, "CREDITS")):
            if pending and amount + row[side + "p"] > MAX:
                return S[f"OVERFLOWS_{status}_PENDING"]
        for side, row, status in (("d", debit, "DEBITS"), ("c", credit, "CREDITS")):
            if amount + row[side] > MAX:
                return S[f"OVERFLOWS_{status}_POSTED"]
        for side, row, status in (("d", debit, "DEBITS"), ("c", credit, "CREDITS")):
            if amount + row[side] + row[side + "p"] > MAX:
                return S[f"OVERFLOWS_{status}"]
        bounded = debit["flags"] & AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
        if bounded and debit["dp"] + debit["d"] + amount > debit["c"]:
            return S.EXCEEDS_CREDITS
        pend = "p" if pending else ""
        self.db.execute(f"UPDATE accounts SET d{pend} = d{pend} + ? WHERE id = ?", (amount, debit["id"]))
        self.db.execute(f"UPDATE accounts SET c{pend} = c{pend} + ? WHERE id = ?", (amount, credit["id"]))
        self.keep(t, debit["id"], credit["id"], amount, at, "open" if pending else None)
        return S.CREATED

    def resolve(self, t, at):
        pending = self.row("SELECT * FROM transfers WHERE id = ?", t.pending_id)
        if t.pending_id == t.id:
            return S.PENDING_ID_MUST_BE_DIFFERENT
        if not pending:
            return S.PENDING_TRANSFER_NOT_FOUND
        if pending["fate"] is None:
            return S.PENDING_TRANSFER_NOT_PENDING
        voids = t.flags & T.VOID_PENDING_TRANSFER
        amount = pending["amount"] if t.amount == (0 if voids else ALL) else t.amount
        if amount > pending["amount"]:
            return S.EXCEEDS_PENDING_TRANSFER_AMOUNT
        if voids and amount < pending["amount"]:
            return S.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
        if pending["fate"] != "open":
            fates = {"posted": "ALREADY_POSTED", "voided": "ALREADY_VOIDED", "expired": "EXPIRED"}
            return S["PENDING_TRANSFER_" + fates[pending["fate"]]]
        if pending["timeout"] and pending["at"] + pending["timeout"] * SECOND <= at:
            return S.PENDING_TRANSFER_EXPIRED
        self.free(pending, 0 if voids else amount, "voided" if voids else "posted")
        self.keep(t, pending["debit"], pending["credit"], amount, at, None)
        return S.CREATED

    def free(self, pending, posted, fate):
        for side, name in (("d", "debit"), ("c", "credit")):
            change = f"UPDATE accounts SET {side}p = {side}p - ?, {side} = {side} + ? WHERE id = ?"
            self.db.execute(change, (pending["amount"], posted, pending[name]))
        self.db.execute("UPDATE transfers SET fate = ? WHERE id = ?", (fate, pending["id"]))

    def keep(self, t, debit, credit, amount, at, fate):
        values = (str(t.id), debit, credit, amount, str(t.pending_id), t.timeout, t.ledger, t.code, t.flags, at, fate)
        self.db.execute("INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
