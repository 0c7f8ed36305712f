"""The machine's rules as tables: one line an event, the last column its status.

    account  ID [FLAG..] [field=N..]                        STATUS
    transfer ID DEBIT>CREDIT AMOUNT [FLAG..] [field=N..]    STATUS
    balance  ID debits_pending debits_posted credits_pending credits_posted [closed]
    wait     SECONDS       release whatever is due afterwards, as the journal does before a batch
    sleep    SECONDS       the same without the release

Consecutive event lines of one kind are one batch; a blank line ends it. `max` is 2^128 - 1; a comment follows `#`.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fiat.machine import (
    AMOUNT_MAX,
    U128_MAX,
    Account,
    AccountFlags,
    AccountStatus,
    Book,
    Resolution,
    Transfer,
    TransferFlags,
    TransferStatus,
    create_accounts,
    create_transfers,
    expire,
)
from fiat.transfer import TRANSIENT

START = 1_000_000
SECOND = 1_000_000_000
seen: set[AccountStatus | TransferStatus] = set()


def number(text):
    return U128_MAX if text == "max" else int(text, 0)


def arguments(words, flags_type):
    values, flags = {}, 0
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            values[name] = number(value)
        else:
            flags |= int(flags_type[name.upper()])
    return {"flags": flags} | values


def account(words):
    return Account(**({"id": number(words[0]), "ledger": 1, "code": 1} | arguments(words[1:], AccountFlags)))


def transfer(words):
    debit, credit = words[1].split(">")
    given_flags = arguments(words[3:], TransferFlags)
    resolving = given_flags["flags"] & (TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER)
    plain = {} if resolving else {"ledger": 1, "code": 1}
    fields = {"id": number(words[0]), "debit_account_id": number(debit), "credit_account_id": number(credit)}
    return Transfer(**(fields | {"amount": number(words[2])} | plain | given_flags))


class Table:
    """Plays a table against a book and compares each line."""

    def __init__(self, amount_max=U128_MAX):
        self.book, self.now, self.amount_max = Book(), START, amount_max

    def play(self, text):
        lines = [line.split("#")[0].split() for line in text.splitlines()]
        for kind, group in itertools.groupby(lines, key=lambda words: words[0] if words else ""):
            group = [words[1:] for words in group]
            if kind in ("account", "transfer"):
                self.batch(kind, group)
            for words in group:
                if kind == "balance":
                    self.balance(words)
                elif kind in ("wait", "sleep"):
                    self.wait(number(words[0]), release=kind == "wait")

    def batch(self, kind, group):
        self.now += len(group)
        if kind == "account":
            outcomes, changes = create_accounts(self.book, [account(w[:-1]) for w in group], self.now)
        else:
            batch = [transfer(w[:-1]) for w in group]
            outcomes, changes = create_transfers(self.book, batch, self.now, self.amount_max)
        got = [f"{' '.join(w[:-1])} -> {o.status.name.lower()}" for w, o in zip(group, outcomes, strict=True)]
        assert got == [f"{' '.join(w[:-1])} -> {w[-1]}" for w in group]
        seen.update((type(o.status), o.status) for o in outcomes)
        self.book.apply(changes)
        self.now = max(self.now, self.book.transfer_last, self.book.account_last)
        return outcomes

    def balance(self, words):
        found = self.book.accounts[number(words[0])]
        closed = ["closed"] if found.flags & AccountFlags.CLOSED else []
        got = [found.debits_pending, found.debits_posted, found.credits_pending, found.credits_posted]
        assert [words[0], *(str(n) for n in got), *closed] == words

    def wait(self, seconds, *, release):
        self.now += seconds * SECOND
        due = self.book.due(self.now)
        if release and due:
            self.now += len(due)
            self.book.apply(expire(self.book, due, self.now))


def play(text, amount_max=U128_MAX):
    table = Table(amount_max)
    table.play(text)
    return table.book


def test_accounts_in_order_of_precedence():
    play("""
        account 1                                            created
        account 1                                            exists
        account 2 history user_data_128=7 user_data_64=8 user_data_32=9   created
        account 3 timestamp=5                                timestamp_must_be_zero
        account 0 flags=0x40                                 reserved_flag
        account 0                                            id_must_not_be_zero
        account max                                          id_must_not_be_int_max
        account 2                                            exists_with_different_flags
        account 2 history user_data_64=8 user_data_32=9      exists_with_different_user_data_128
        account 2 history user_data_128=7                    exists_with_different_user_data_64
        account 2 history user_data_128=7 user_data_64=8     exists_with_different_user_data_32
        account 1 ledger=2                                   exists_with_different_ledger
        account 1 code=2                                     exists_with_different_code
        account 1 code=0 debits_posted=4                     exists_with_different_code
        account 3 flags=6 debits_pending=1                   flags_are_mutually_exclusive
        account 3 debits_pending=1 debits_posted=1           debits_pending_must_be_zero
        account 3 debits_posted=1 credits_pending=1          debits_posted_must_be_zero
        account 3 credits_pending=1 credits_posted=1         credits_pending_must_be_zero
        account 3 credits_posted=1 ledger=0                  credits_posted_must_be_zero
        account 3 ledger=0 code=0                            ledger_must_not_be_zero
        account 3 code=0                                     code_must_not_be_zero
        account 3 imported timestamp=1                       imported_event_not_expected
        account 3 closed                                     created

        balance 3 0 0 0 0 closed
    """)


def test_accounts_in_chains():
    play("""
        account 1 linked         linked_event_failed
        account 2 linked code=0  code_must_not_be_zero
        account 3                linked_event_failed
        account 4 linked         created
        account 5                created

        account 1 linked         linked_event_failed
        account 2 linked         linked_event_chain_open
    """)


def test_imported_accounts():
    play("""
        account 1 imported timestamp=10                     created
        account 2                                           imported_event_expected
        account 2 imported                                  imported_event_timestamp_out_of_range
        account 2 imported timestamp=0x8000000000000000     imported_event_timestamp_out_of_range
        account 2 imported timestamp=1000008                imported_event_timestamp_must_not_advance
        account 2 imported timestamp=10                     imported_event_timestamp_must_not_regress
        account 2 imported timestamp=9                      imported_event_timestamp_must_not_regress
        account 2 imported timestamp=11                     created
    """)


def test_transfers_without_state():
    play("""
        account 1  created
        account 2  created

        transfer 0   0>0   1 flags=0x200 timestamp=9        timestamp_must_be_zero
        transfer 0   0>0   1 flags=0x200                    reserved_flag
        transfer 0   0>0   1                                id_must_not_be_zero
        transfer max 0>0   1                                id_must_not_be_int_max
        transfer 9   0>0   1                                debit_account_id_must_not_be_zero
        transfer 9   max>0 1                                debit_account_id_must_not_be_int_max
        transfer 9   1>0   1                                credit_account_id_must_not_be_zero
        transfer 9   1>max 1                                credit_account_id_must_not_be_int_max
        transfer 9   1>1   1 pending_id=1                   accounts_must_be_different
        transfer 9   1>2   1 pending_id=1 timeout=1         pending_id_must_be_zero
        transfer 9   1>2   1 timeout=1 closing_debit        timeout_reserved_for_pending_transfer
        transfer 9   1>2   1 closing_debit ledger=0         closing_transfer_must_be_pending
        transfer 9   1>2   1 ledger=0 code=0                ledger_must_not_be_zero
        transfer 9   1>2   1 code=0                         code_must_not_be_zero
        transfer 9   1>2   1 imported timestamp=5           imported_event_not_expected
        transfer 9   1>2   1                                created
        transfer 10  1>2   0                                created   # zero amounts are legal

        balance 1 0 1 0 0
        balance 2 0 0 0 1
    """)


def test_transfers_against_accounts():
    play("""
        account 1                                  created
        account 2                                  created
        account 3 ledger=2                         created
        account 4 ledger=2                         created

        transfer 10 8>9 1                          debit_account_not_found
        transfer 11 1>9 1                          credit_account_not_found
        transfer 12 1>3 1                          accounts_must_have_the_same_ledger
        transfer 12 3>4 1                          transfer_must_have_the_same_ledger_as_accounts
        transfer 12 1>2 1                          created

        transfer 10 1>2 1                          id_already_failed      # burnt: whatever it now says
        transfer 11 1>1 0                          id_already_failed
    """)


def test_the_same_id_again():
    play("""
        account 1   created
        account 2   created
        account 3   created

        transfer 5 1>2 10 user_data_128=1 user_data_64=2 user_data_32=3                 created
        transfer 5 1>2 10 user_data_128=1 user_data_64=2 user_data_32=3                 exists
        transfer 5 0>3 11 pending pending_id=7 timeout=1                                exists_with_different_flags
        transfer 5 0>3 11 pending_id=7 timeout=1                                        exists_with_different_pending_id
        transfer 5 0>3 11 timeout=1                                                     exists_with_different_timeout
        transfer 5 0>3 11  exists_with_different_debit_account_id
        transfer 5 1>3 11  exists_with_different_credit_account_id
        transfer 5 1>2 11                                                               exists_with_different_amount
        transfer 5 1>2 10 user_data_64=0  exists_with_different_user_data_128
        transfer 5 1>2 10 user_data_128=1  exists_with_different_user_data_64
        transfer 5 1>2 10 user_data_128=1 user_data_64=2  exists_with_different_user_data_32
        transfer 5 1>2 10 user_data_128=1 user_data_64=2 user_data_32=3 ledger=2        exists_with_different_ledger
        transfer 5 1>2 10 user_data_128=1 user_data_64=2 user_data_32=3 code=2          exists_with_different_code

        balance 2 0 0 0 10
    """)


def test_limits():
    play("""
        account 1 debits_must_not_exceed_credits   created
        account 2                                  created
        account 3 credits_must_not_exceed_debits   created

        transfer 10 1>2 1                          exceeds_credits
        transfer 11 2>1 10                         created
        transfer 12 1>2 4 pending                  created
        transfer 13 1>2 7                          exceeds_credits
        transfer 14 1>2 6                          created
        transfer 15 1>2 0                          created
        transfer 16 2>3 1                          exceeds_debits
        transfer 17 3>2 5                          created
        transfer 18 2>3 5 pending                  created
        transfer 19 2>3 1                          exceeds_debits
        transfer 13 1>2 1                          id_already_failed
        transfer 20 1>3 1                          exceeds_credits     # before exceeds_debits

        balance 1 4 6 0 10
        balance 3 0 5 5 0
    """)


def test_chains_hold_or_fail_as_one():
    play("""
        account 1 debits_must_not_exceed_credits   created
        account 2                                  created

        transfer 10 2>1 5 linked                   created
        transfer 11 1>2 5                          created
        transfer 20 2>1 9 linked                   linked_event_failed
        transfer 21 1>2 10 linked                  exceeds_credits
        transfer 22 2>1 9 linked                   linked_event_failed
        transfer 23 2>1 9                          linked_event_failed
        transfer 24 2>1 1                          created             # the neighbour is not disturbed
        transfer 25 2>1 9 linked                   linked_event_failed
        transfer 26 2>1 9 linked                   linked_event_chain_open

        balance 1 0 5 0 6

        transfer 21 2>1 1                          id_already_failed   # burnt though its chain was undone
        transfer 20 2>1 1                          created             # free: only its neighbour failed
        transfer 22 2>1 1                          created
        transfer 30 2>1 1 linked                   linked_event_failed
        transfer 24 2>1 1                          exists              # an event that exists fails its chain
        transfer 31 2>1 1 linked                   linked_event_failed
        transfer 32 1>1 1 linked                   accounts_must_be_different
        transfer 33 2>1 1 linked                   linked_event_chain_open   # also of a chain that is broken

        balance 1 0 5 0 8
    """)


def test_chains_see_their_own_events():
    play("""
        account 1 debits_must_not_exceed_credits   created
        account 2                                  created

        transfer 1 2>1 5 linked                    created
        transfer 2 1>2 5 linked pending            created
        transfer 3 1>2 5 linked post_pending_transfer pending_id=2   created
        transfer 4 2>1 1                           created
        transfer 5 1>2 1 linked pending            linked_event_failed
        transfer 6 1>2 2                           exceeds_credits
        transfer 7 1>2 1                           created             # what 5 reserved is free again

        balance 1 0 6 0 6

        transfer 8 1>2 1 void_pending_transfer pending_id=5          pending_transfer_not_found
    """)


def test_pending_posted_and_voided():
    play("""
        account 1  created
        account 2  created

        transfer 1 1>2 10 pending                                    created
        transfer 2 1>2 10 pending                                    created
        transfer 3 1>2 10 pending                                    created
        transfer 4 1>2 10 pending                                    created

        balance 1 40 0 0 0
        balance 2 0 0 40 0

        transfer 11 0>0 4   post_pending_transfer pending_id=1       created    # in part: the rest is freed
        transfer 12 1>2 max post_pending_transfer pending_id=2 ledger=1 code=1   created
        transfer 13 0>0 0   post_pending_transfer pending_id=3       created    # nothing: all is freed
        transfer 14 0>0 0   void_pending_transfer pending_id=4       created

        balance 1 0 14 0 0
        balance 2 0 0 0 14

        transfer 15 0>0 4   post_pending_transfer pending_id=1       pending_transfer_already_posted
        transfer 15 0>0 0   void_pending_transfer pending_id=2       pending_transfer_already_posted
        transfer 15 0>0 0   post_pending_transfer pending_id=4       pending_transfer_already_voided
        transfer 15 0>0 0   void_pending_transfer pending_id=4       pending_transfer_already_voided
    """)


def test_posts_and_voids_in_order_of_precedence():
    play("""
        account 1             created
        account 2             created

        transfer 1 1>2 10 pending       created
        transfer 2 1>2 10               created

        transfer 9 0>0 0  post_pending_transfer void_pending_transfer     flags_are_mutually_exclusive
        transfer 9 0>0 0  post_pending_transfer pending                   flags_are_mutually_exclusive
        transfer 9 0>0 0  void_pending_transfer pending                   flags_are_mutually_exclusive
        transfer 9 0>0 0  post_pending_transfer balancing_debit           flags_are_mutually_exclusive
        transfer 9 0>0 0  post_pending_transfer balancing_credit          flags_are_mutually_exclusive
        transfer 9 0>0 0  void_pending_transfer closing_debit             flags_are_mutually_exclusive
        transfer 9 0>0 0  void_pending_transfer closing_credit            flags_are_mutually_exclusive
        transfer 9 0>0 0  post_pending_transfer                           pending_id_must_not_be_zero
        transfer 9 0>0 0  post_pending_transfer pending_id=max            pending_id_must_not_be_int_max
        transfer 9 0>0 0  post_pending_transfer pending_id=9 timeout=1    pending_id_must_be_different
        transfer 9 0>0 0  post_pending_transfer pending_id=1 timeout=1    timeout_reserved_for_pending_transfer
        transfer 8 3>0 0  post_pending_transfer pending_id=7              pending_transfer_not_found
        transfer 9 3>0 0  post_pending_transfer pending_id=2              pending_transfer_not_pending
        transfer 9 3>3 0  post_pending_transfer pending_id=1  pending_transfer_has_different_debit_account_id
        transfer 9 1>3 0  post_pending_transfer pending_id=1 ledger=2  pending_transfer_has_different_credit_account_id
        transfer 9 1>2 0  post_pending_transfer pending_id=1 ledger=2 code=2   pending_transfer_has_different_ledger
        transfer 9 1>2 11 post_pending_transfer pending_id=1 code=2       pending_transfer_has_different_code
        transfer 9 1>2 11 post_pending_transfer pending_id=1              exceeds_pending_transfer_amount
        transfer 9 1>2 11 void_pending_transfer pending_id=1              exceeds_pending_transfer_amount
        transfer 9 1>2 9  void_pending_transfer pending_id=1              pending_transfer_has_different_amount
        transfer 9 1>2 10 void_pending_transfer pending_id=1              created
        transfer 8 1>2 10                                                 id_already_failed
    """)


def test_posts_and_voids_again():
    play("""
        account 1             created
        account 2             created
        account 3             created

        transfer 1 1>2 10 pending user_data_64=5                       created
        transfer 2 1>2 10 pending                                      created
        transfer 3 1>2 10 pending                                      created

        transfer 11 0>0 4   post_pending_transfer pending_id=1         created
        transfer 11 0>0 4   post_pending_transfer pending_id=1         exists
        transfer 11 1>2 4   post_pending_transfer pending_id=1 ledger=1 code=1 user_data_64=5   exists
        transfer 11 0>0 4   post_pending_transfer pending_id=2         exists_with_different_pending_id
        transfer 11 3>0 4   post_pending_transfer pending_id=1         exists_with_different_debit_account_id
        transfer 11 0>3 4   post_pending_transfer pending_id=1         exists_with_different_credit_account_id
        transfer 11 0>0 5   post_pending_transfer pending_id=1         exists_with_different_amount
        transfer 11 0>0 max post_pending_transfer pending_id=1         exists_with_different_amount
        transfer 11 0>0 4   post_pending_transfer pending_id=1 user_data_64=6   exists_with_different_user_data_64
        transfer 11 0>0 4   post_pending_transfer pending_id=1 ledger=2         exists_with_different_ledger
        transfer 11 0>0 4   void_pending_transfer pending_id=1         exists_with_different_flags

        transfer 12 0>0 max post_pending_transfer pending_id=2         created
        transfer 12 0>0 10  post_pending_transfer pending_id=2         exists
        transfer 12 0>0 max post_pending_transfer pending_id=2         exists
        transfer 12 0>0 11  post_pending_transfer pending_id=2         exists    # at least the pending amount
        transfer 12 0>0 9   post_pending_transfer pending_id=2         exists_with_different_amount

        transfer 13 0>0 0   void_pending_transfer pending_id=3         created
        transfer 13 0>0 10  void_pending_transfer pending_id=3         exists
        transfer 13 0>0 0   void_pending_transfer pending_id=3         exists
        transfer 13 0>0 9   void_pending_transfer pending_id=3         exists_with_different_amount
    """)


def test_timeouts():
    play("""
        account 1             created
        account 2             created

        transfer 1 1>2 10 pending timeout=5                created
        transfer 2 1>2 20 pending timeout=3                created
        transfer 3 1>2 30 pending                          created
        transfer 4 1>2 40 pending timeout=3                created

        wait 2
        transfer 11 0>0 0 post_pending_transfer pending_id=1   created

        wait 1
        balance 1 30 0 0 0

        transfer 12 0>0 0 post_pending_transfer pending_id=2   pending_transfer_expired
        transfer 12 0>0 0 void_pending_transfer pending_id=4   pending_transfer_expired
        transfer 12 0>0 0 post_pending_transfer pending_id=1   pending_transfer_already_posted

        wait 1000000000
        balance 1 30 0 0 0
        transfer 12 0>0 30 post_pending_transfer pending_id=3  created

        balance 2 0 0 0 30
    """)


def test_expired_before_it_is_released():
    play("""
        account 1             created
        account 2             created

        transfer 1 1>2 10 pending timeout=3                    created

        sleep 3
        transfer 2 0>0 10 post_pending_transfer pending_id=1   pending_transfer_expired

        balance 1 10 0 0 0
        wait 0
        balance 1 0 0 0 0
    """)


def test_release_is_in_order_of_expiry_then_creation():
    table = Table()
    table.play("""
        account 1             created
        account 2             created

        transfer 1 1>2 1 pending timeout=9     created
        transfer 2 1>2 2 pending timeout=3     created

        sleep 6
        transfer 3 1>2 4 pending timeout=3     created
    """)
    due = table.book.due(table.now + 9 * SECOND)
    changes = expire(table.book, due, table.now + 9 * SECOND)
    assert [posting.transfer.id for posting in changes.postings] == [2, 1, 3]
    assert [posting.debit.debits_pending for posting in changes.postings] == [5, 4, 0]
    assert [posting.expired_at for posting in changes.postings] == [table.now + 9 * SECOND - i for i in (2, 1, 0)]
    assert all(changes.resolution(i) is Resolution.EXPIRED for i in (1, 2, 3))
    with pytest.raises(ValueError, match="past its instant"):
        expire(changes, due, table.now + 10 * SECOND)


def test_overflows_under_a_bound():
    bound = AMOUNT_MAX
    play(
        f"""
        account 1             created
        account 2             created
        account 3             created
        account 4             created

        transfer 1 1>2 {bound + 1}                    overflows_debits_posted
        transfer 1 1>2 {bound + 1} pending            overflows_debits_pending
        transfer 1 1>2 max                            overflows_debits_posted
        transfer 1 1>2 {bound - 1} pending            created
        transfer 2 1>3 2 pending                      overflows_debits_pending
        transfer 2 3>2 2 pending                      overflows_credits_pending
        transfer 2 1>3 2                              overflows_debits
        transfer 2 3>2 2                              overflows_credits
        transfer 2 3>4 {bound}                        created
        transfer 3 3>1 1                              overflows_debits_posted
        transfer 3 2>4 1                              overflows_credits_posted
        transfer 3 1>2 1                              created
        transfer 4 0>0 max post_pending_transfer pending_id=1    created
        """,
        bound,
    )


def test_overflow_of_the_timeout():
    table = Table()
    table.play("""
        account 1             created
        account 2             created
    """)
    table.now = (1 << 63) - 1 - 5 * SECOND
    table.play("""
        transfer 1 1>2 1 pending timeout=5     overflows_timeout
        transfer 1 1>2 1 pending timeout=4     created
    """)


def test_balancing():
    play("""
        account 1                                  created
        account 2                                  created
        account 3 debits_must_not_exceed_credits   created

        transfer 1 2>1 10                          created
        transfer 2 1>2 3 pending                   created
        transfer 3 1>3 max balancing_debit         created
        transfer 3 1>3 7 balancing_debit           exists
        transfer 3 1>3 6 balancing_debit           exists_with_different_amount

        balance 3 0 0 0 7

        transfer 4 3>2 5 balancing_debit           created
        transfer 5 3>2 5 balancing_debit pending   created
        transfer 6 3>2 5 balancing_debit           created            # nothing left: zero moves

        balance 3 2 5 0 7

        transfer 7 1>2 max balancing_credit        created            # 2 has 10 debits, 5 credits, 5 pending
        transfer 8 1>2 5 balancing_credit balancing_debit  created

        balance 2 0 10 5 5
    """)


def test_closing():
    play("""
        account 1             created
        account 2             created
        account 3             created

        transfer 1 1>2 5 pending                                   created
        transfer 2 1>3 0 pending closing_debit                     created

        balance 1 5 0 0 0 closed

        transfer 3 1>2 1                                           debit_account_already_closed
        transfer 4 2>1 1                                           credit_account_already_closed
        transfer 5 0>0 5 post_pending_transfer pending_id=1        debit_account_already_closed
        transfer 6 0>0 0 void_pending_transfer pending_id=1        created
        transfer 7 0>0 0 void_pending_transfer pending_id=2        created    # opens it again

        balance 1 0 0 0 0

        transfer 3 1>2 1                                           id_already_failed
        transfer 8 1>2 1                                           created
        transfer 9 1>2 0 pending closing_credit timeout=5          created

        balance 2 0 0 0 1 closed

        transfer 11 1>2 0 pending                                  credit_account_already_closed

        wait 5
        balance 2 0 0 0 1
    """)


def test_imported_transfers():
    play("""
        account 1 imported timestamp=10        created
        account 2 imported timestamp=20        created

        transfer 1 1>2 1 imported timestamp=30             created
        transfer 2 1>2 1                                   imported_event_expected
        transfer 2 1>2 1 imported                          imported_event_timestamp_out_of_range
        transfer 2 1>2 1 imported timestamp=0xffffffffffffffff    imported_event_timestamp_out_of_range
        transfer 2 1>2 1 imported timestamp=9000000000     imported_event_timestamp_must_not_advance
        transfer 2 1>2 1 imported timestamp=30             imported_event_timestamp_must_not_regress
        transfer 2 1>2 1 imported timestamp=40 pending timeout=1   imported_event_timeout_must_be_zero
        transfer 2 1>2 1 imported timestamp=40             created
    """)
    play("""
        account 1 imported timestamp=10        created
        account 2 imported timestamp=20        created

        transfer 1 2>1 1 imported timestamp=15             imported_event_timestamp_must_postdate_debit_account
        transfer 1 1>2 1 imported timestamp=15             imported_event_timestamp_must_postdate_credit_account
        transfer 1 1>2 1 imported timestamp=20             imported_event_timestamp_must_not_regress   # an account's
        transfer 1 1>2 1 imported pending timestamp=25     created
        transfer 2 0>0 max flags=0x104 pending_id=1 timestamp=24  imported_event_timestamp_must_not_regress
        transfer 2 0>0 max imported post_pending_transfer pending_id=1 timestamp=26    created
    """)


def test_outcomes_carry_the_time():
    table = Table()
    table.play("""
        account 1             created
        account 2             created
    """)
    first = table.batch("transfer", [["1", "1>2", "5", "created"], ["2", "1>1", "5", "accounts_must_be_different"]])
    again = table.batch("transfer", [["3", "1>2", "5", "created"], ["1", "1>2", "5", "exists"]])
    assert [o.timestamp for o in first] == [START + 3, START + 4]
    assert [o.timestamp for o in again] == [START + 5, first[0].timestamp]
    assert table.book.transfers[1].timestamp == first[0].timestamp


def test_every_status_was_seen():
    """Runs after the tables of this file: a rule that no table reaches is not tested."""
    if len(seen) < 40:
        for name, test in list(globals().items()):
            if name.startswith("test_") and test.__code__.co_argcount == 0 and test is not test_every_status_was_seen:
                test()
    missing = {(type(s), s) for s in [*AccountStatus, *TransferStatus]} - seen
    # Our accounts have no reserved field to fill.
    assert missing == {(AccountStatus, AccountStatus.RESERVED_FIELD)}


def test_transient_statuses_are_those_that_time_can_change():
    assert {s.name.lower() for s in TRANSIENT} == {
        "debit_account_not_found",
        "credit_account_not_found",
        "pending_transfer_not_found",
        "debit_account_already_closed",
        "credit_account_already_closed",
        "exceeds_credits",
        "exceeds_debits",
    }


def test_values_that_do_not_fit_cannot_be_made():
    for field, width in {"id": 128, "amount": 128, "user_data_64": 64, "ledger": 32, "timeout": 32, "code": 16}.items():
        Transfer(**({"id": 1} | {field: (1 << width) - 1}))
        for wrong in (1 << width, -1):
            with pytest.raises(ValueError, match="width"):
                Transfer(**({"id": 1} | {field: wrong}))
    with pytest.raises(ValueError, match="width"):
        Account(1, 1, 1, credits_posted=-1)


ids = st.integers(1, 12)
events = st.builds(
    lambda **fields: Transfer(**fields),  # a tuple's own fields would be drawn too, of any width
    id=ids,
    debit_account_id=st.integers(0, 4),
    credit_account_id=st.integers(0, 4),
    amount=st.sampled_from([0, 1, 2, 5, 9, 100, U128_MAX]),
    pending_id=st.one_of(st.just(0), ids),
    timeout=st.sampled_from([0, 0, 1, 2]),
    ledger=st.sampled_from([0, 1, 1, 1]),
    code=st.sampled_from([0, 1, 1, 1]),
    flags=st.sampled_from([0, 0, 1, 2, 2, 3, 4, 4, 8, 8, 16, 18, 32, 66, 130, 5, 9]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.lists(events, max_size=6)), max_size=12))
def test_whatever_comes_the_books_balance(batches):
    table = Table(AMOUNT_MAX)
    table.play("""
        account 1 debits_must_not_exceed_credits   created
        account 2 credits_must_not_exceed_debits   created
        account 3                                  created
        account 4                                  created
    """)
    book = table.book
    for seconds, batch in batches:
        table.wait(seconds, release=True)
        before = dict(book.accounts), dict(book.transfers)
        table.now += len(batch)
        outcomes, changes = create_transfers(book, batch, table.now, AMOUNT_MAX)
        assert (book.accounts, book.transfers) == before, "deciding changes nothing"
        book.apply(changes)
        made = [e.id for e, o in zip(batch, outcomes, strict=True) if o.status is TransferStatus.CREATED]
        assert [p.transfer.id for p in changes.postings] == made
        accounts = book.accounts.values()
        assert sum(a.debits_posted for a in accounts) == sum(a.credits_posted for a in accounts)
        assert sum(a.debits_pending for a in accounts) == sum(a.credits_pending for a in accounts)
        open_sum = sum(book.transfers[i].amount for i, r in book.resolutions.items() if r is Resolution.PENDING)
        assert sum(a.debits_pending for a in accounts) == open_sum
        assert book.accounts[1].available >= 0
        assert book.accounts[2].debits_posted >= book.accounts[2].credits_posted + book.accounts[2].credits_pending
        assert not book.burnt_ids & book.transfers.keys()
