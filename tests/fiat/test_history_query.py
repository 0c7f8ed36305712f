"""The machine's queries on real databases, against a plain filter over everything."""

from __future__ import annotations

from random import Random

import pytest

from fiat.currency import currency
from fiat.history_query import (
    AccountBalance,
    AccountFilter,
    QueryFilter,
    get_account_balances,
    get_account_transfers,
    query_accounts,
    query_transfers,
)
from fiat.holder import OPERATOR
from fiat.transfer import Transfer, TransferFlags

EUR, JPY = currency("EUR"), currency("JPY")
FIELDS = ("user_data_128", "user_data_64", "user_data_32", "ledger", "code")


@pytest.fixture
async def stored(engine, journal):
    """Two ledgers, forty transfers; gives every account and transfer as the answers of the journal have them."""
    random = Random(7)
    ids = {
        c.ledger: [(await journal.open_account(OPERATOR, c, p)).id for p in ("suspense", "fees", "rounding")]
        for c in (EUR, JPY)
    }
    batch = []
    for number in range(1, 41):
        ledger = random.choice(list(ids))
        debit, credit = random.sample(ids[ledger], 2)
        flags = TransferFlags.PENDING if number % 7 == 0 else 0
        fields = {name: random.randint(0, 2) for name in FIELDS[:3]} | {"code": random.randint(1, 3)}
        batch.append(Transfer(number, debit, credit, number, ledger=ledger, flags=int(flags), **fields))
    batch.append(Transfer(41, amount=3, pending_id=7, flags=int(TransferFlags.POST_PENDING_TRANSFER)))
    outcomes = [o for part in (batch[:20], batch[20:]) for o in await journal.post(part)]
    assert all(o.status == 0 for o in outcomes)
    async with engine.connect() as conn:
        transfers = await query_transfers(conn, QueryFilter())
        accounts = await query_accounts(conn, QueryFilter())
    assert [t.id for t in transfers] == list(range(1, 42))
    assert [t.timestamp for t in transfers] == [o.timestamp for o in outcomes]
    assert {a.id for a in accounts} == {i for group in ids.values() for i in group}
    return accounts, transfers


def plain(items, wanted):
    """The specification, read word by word."""
    found = [i for i in items if all(getattr(wanted, n) in (0, getattr(i, n)) for n in FIELDS)]
    found = [i for i in found if wanted.timestamp_min <= i.timestamp <= (wanted.timestamp_max or 2**63)]
    if isinstance(wanted, AccountFilter):
        sides = [("debit_account_id", wanted.debits), ("credit_account_id", wanted.credits)]
        found = [i for i in found if any(on and getattr(i, name) == wanted.account_id for name, on in sides)]
    found.sort(key=lambda i: i.timestamp, reverse=wanted.reverse)
    return found[: wanted.limit]


def some_filters(random, transfers, accounts, count):
    times = [t.timestamp for t in transfers]
    for _ in range(count):
        low, high = sorted(random.sample(times, 2))
        fields = {name: random.choice([0, 0, 0, 1, 2]) for name in FIELDS if name != "ledger"}
        fields |= {
            "ledger": random.choice([0, 0, EUR.ledger, JPY.ledger, 5]),
            "timestamp_min": random.choice([0, low]),
            "timestamp_max": random.choice([0, high]),
            "limit": random.choice([1, 3, 1000]),
            "reverse": random.choice([True, False]),
        }
        yield QueryFilter(**fields)
        fields |= {"account_id": random.choice(accounts).id}
        sides = random.choice([(True, True), (True, False), (False, True)])
        yield AccountFilter(**fields, debits=sides[0], credits=sides[1])


async def test_queries_are_a_filter_over_everything(engine, stored):
    accounts, transfers = stored
    answered = 0
    async with engine.connect() as conn:
        for wanted in some_filters(Random(1), transfers, accounts, 40):
            if isinstance(wanted, AccountFilter):
                found = await get_account_transfers(conn, wanted)
                balances = await get_account_balances(conn, wanted)
                assert [b.timestamp for b in balances] == [t.timestamp for t in found]
            else:
                found = await query_transfers(conn, wanted)
                assert await query_accounts(conn, wanted) == plain(accounts, wanted)
            assert found == plain(transfers, wanted)
            answered += bool(found)
    assert answered > 20


async def test_balances_are_those_after_each_transfer(engine, stored):
    accounts, transfers = stored
    async with engine.connect() as conn:
        for account in accounts:
            of_account = AccountFilter(account_id=account.id)
            found = await get_account_balances(conn, of_account)
            totals = [0, 0, 0, 0]
            for transfer, balance in zip(await get_account_transfers(conn, of_account), found, strict=True):
                side = 0 if transfer.debit_account_id == account.id else 2
                pending = bool(transfer.flags & TransferFlags.PENDING)
                totals[side + (0 if pending else 1)] += transfer.amount
                if transfer.pending_id:
                    totals[side] -= transfers[transfer.pending_id - 1].amount
                assert balance == AccountBalance(transfer.timestamp, *totals)
            last = found[-1]
            assert last.debits_posted == account.debits_posted and last.credits_pending == account.credits_pending


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 8191},
        {"timestamp_min": 2, "timestamp_max": 1},
        {"timestamp_max": 2**63},
        {"account_id": 0},
        {"account_id": 1, "debits": False, "credits": False},
    ],
)
def test_a_filter_that_cannot_be_meant_is_not_made(wrong):
    with pytest.raises(ValueError):
        (AccountFilter if "account_id" in wrong else QueryFilter)(**wrong)
