"""What the rules say of an operator entry that is not posted yet. Reads only; the journal asks them again.

It answers from the tables what journal_entries.py answers from a batch; the rules are one (officer_rules.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from fiat import history
from fiat.chart import account_code
from fiat.currency import Currency
from fiat.holder import MAIN, OPERATOR, Recovery, account_id
from fiat.journal_cache import Cache
from fiat.journal_officers import load_entries
from fiat.officer import Entry
from fiat.officer_rules import COMPELLED, INQUIRY, RECEIVABLE, Party, Undone, plan, rest
from fiat.order import ZERO_32
from fiat.record import OperatorRecord
from fiat.transfer import Resolution, Transfer


async def plan_now(conn: AsyncConnection, entry: Entry, digest: bytes, timestamp: int) -> list[Transfer]:
    """The transfers that the entry would be if it were posted at `timestamp` (ns). Raises EntryRefused.

    Accounts count as there that posting opens: those which entries move to, and the successor's.
    """
    return plan(entry, digest, await _tables(conn, entry), timestamp)


async def rest_now(conn: AsyncConnection, entry: Entry) -> int:
    """What is left of the record that the entry undoes, in minor units; 0 where there is nothing to undo."""
    return rest(await _tables(conn, entry), entry.undoes)


class _Tables:
    """A `View` of officer_rules.py over what was loaded for one entry."""

    def __init__(self, cache: Cache, opened: Mapping[int, Party]) -> None:
        self._cache, self._opened = cache, opened

    def party(self, account: int) -> Party | None:
        row = self._cache.accounts.get(account)
        if row is None:
            return self._opened.get(account)
        return Party(account, row.holder, row.currency, row.exponent, row.purpose, row.account.code)

    def available(self, account: int) -> int:
        found = self._cache.account(account)
        return found.available if found is not None else 0

    def recoverable(self, holder_id: bytes) -> bool | None:
        holder = self._cache.holders.get(holder_id)
        return Recovery(holder.recovery).is_recoverable if holder is not None else None

    def entry(self, transfer_id: int) -> OperatorRecord | None:
        return self._cache.entries.by_id.get(transfer_id)

    def unresolved(self, transfer_id: int) -> bool:
        return self._cache.resolutions.get(transfer_id) is Resolution.PENDING

    def undone(self, sequence: int) -> Undone | None:
        return self._cache.undone.get(sequence)

    def undoing(self, sequence: int) -> Iterable[OperatorRecord]:
        return self._cache.entries.undoing(sequence)

    def compelling(self, document: bytes) -> Iterable[OperatorRecord]:
        return self._cache.entries.compelling(document)

    def ordered_since(self, holder_id: bytes, sequence: int) -> bool:
        return self._cache.last_orders.get(holder_id, 0) > sequence


async def _tables(conn: AsyncConnection, entry: Entry) -> _Tables:
    cache = Cache()
    await load_entries(conn, cache, [entry])
    for number in (entry.debit_account, entry.credit_account):
        if (row := await history.account(conn, number)) is not None:
            cache.accounts[number] = row
    owners = {row.holder for row in cache.accounts.values()} - {OPERATOR}
    for holder_id in owners | ({entry.successor} - {ZERO_32}):
        if (holder := await history.holder(conn, holder_id)) is not None:
            cache.holders[holder_id] = holder
    return _Tables(cache, _opened_by_posting(entry))


def _opened_by_posting(entry: Entry) -> dict[int, Party]:
    currency = Currency(entry.currency, entry.exponent)
    names = [(OPERATOR, purpose) for purpose in (COMPELLED, INQUIRY, RECEIVABLE)]
    names += [(entry.successor, MAIN)] if entry.successor != ZERO_32 else []
    made = {}
    for holder, purpose in names:
        number, code = account_id(holder, currency, purpose), account_code(holder == OPERATOR, purpose)
        made[number] = Party(number, holder, currency.code, currency.exponent, purpose, int(code))
    return made
