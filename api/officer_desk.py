"""What an operator entry is made from: the ledger's id, a person, the hold or the record that it is about."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.currencies import CURRENCIES
from api.errors import NotFound
from api.officer_document import EntryPaper, NamedAccount, reason_of
from api.tables import users
from fiat import history
from fiat.currency import Currency
from fiat.errors import CurrencyUnknown, EntryRefused
from fiat.history_entries import plan_now, rest_now
from fiat.holder import OPERATOR, account_id
from fiat.money import Money
from fiat.officer import EVERYTHING_MINOR, HOLD_NS_MAX, WITHOUT_NOTICE, Entry, HoldFor, notice_ns
from fiat.officer_rules import COMPELLED, INQUIRY
from fiat.order import ZERO_32
from fiat.record import GenesisRecord, Movement, OperatorRecord, Reason, decode, ledger_id
from fiat.transfer import NANOSECONDS

SIGNING_NS = 60 * NANOSECONDS
DAYS_AFTER_NOTICE = 7
"""How long a hold can be acted on where nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What was asked for on the command line. `hold` and `undoes` are sequences; `days` counts from now."""

    kind: str
    word: str
    person: str = ""
    currency: str = "EUR"
    amount: str = ""
    hold: int = 0
    undoes: int = 0
    document: bytes = ZERO_32
    cap: str = ""
    days: int | None = None
    successor: str = ""
    purpose: str = ""


async def propose(conn: AsyncConnection, asked: Proposal, now: int) -> EntryPaper:
    """The entry that this asks for, unsigned. `now` in ns. Raises EntryRefused, NotFound, AmountRefused's kinds."""
    try:
        reason, code = reason_of(asked.kind, asked.word)
    except KeyError:
        raise EntryRefused("reason_unknown") from None
    genesis = await history.record_body(conn, 0)
    if genesis is None or not isinstance(decode(genesis), GenesisRecord):
        raise NotFound("ledger")
    if asked.hold:
        return await _checked(conn, await _about_hold(conn, asked, ledger_id(genesis), reason, code), now)
    currency = CURRENCIES.get(asked.currency)
    if currency is None:
        raise CurrencyUnknown(asked.currency)
    _check_hold(asked, reason, code)
    holder, handle = await person_named(conn, asked.person)
    own = account_id(holder, currency)
    fields = {"document": asked.document, "cap": Money.parse(asked.cap, currency).minor if asked.cap else 0}
    if reason is Reason.HOLD:
        credit = await _hold_target(conn, asked, code, currency)
        until = {"until": _until(asked, code, now), "undoes": asked.undoes}
        successor = (await person_named(conn, asked.successor))[0] if asked.successor else ZERO_32
        sides, fields = (own, credit), fields | until | {"successor": successor}
    elif reason is Reason.CREDIT:
        sides = account_id(OPERATOR, currency, asked.purpose or "liquidity"), own
    else:
        sides = own, account_id(OPERATOR, currency, COMPELLED)
    everything = reason is Reason.HOLD and code == HoldFor.RECOVERY
    entry = Entry(
        reason=reason,
        reason_code=code,
        nonce=os.urandom(32),
        debit_account=sides[0],
        credit_account=sides[1],
        amount_minor=EVERYTHING_MINOR if everything or not asked.amount else Money.parse(asked.amount, currency).minor,
        currency=currency.code,
        exponent=currency.exponent,
        **fields,  # type: ignore[arg-type]  # the entry checks each value
    )
    if not asked.amount and not everything:
        entry = replace(entry, amount_minor=await _whole_rest(conn, entry))
    return await _checked(conn, EntryPaper(ledger_id(genesis), entry, holder, handle), now)


def _check_hold(asked: Proposal, reason: Reason, code: int) -> None:
    """Without --hold: is that right, and is there what the kind of hold needs? Raises EntryRefused."""
    if reason not in (Reason.HOLD, Reason.CREDIT) and code < WITHOUT_NOTICE:
        raise EntryRefused("hold_unknown")
    if reason is Reason.HOLD and code == HoldFor.UNDOING and not asked.undoes:
        raise EntryRefused("undoes_missing")
    if reason is Reason.HOLD and code == HoldFor.RECOVERY and not asked.successor:
        raise EntryRefused("successor_missing")


async def _whole_rest(conn: AsyncConnection, entry: Entry) -> int:
    """Nobody named an amount: all that is left of the record to undo. Raises EntryRefused."""
    if not entry.undoes:
        raise EntryRefused("amount_missing")
    left = await rest_now(conn, entry)
    if not left:
        raise EntryRefused("more_than_the_rest")
    return left


async def _checked(conn: AsyncConnection, paper: EntryPaper, now: int) -> EntryPaper:
    """The paper with its accounts' names, once the rules let it be posted. Raises EntryRefused.

    Two people have to sign it first, so it is judged as of a little later; what resolves a hold may be signed during
    the notice.
    """
    try:
        await plan_now(conn, paper.entry, paper.digest, now + SIGNING_NS)
    except EntryRefused as refused:
        if refused.fields()["rule"] != "notice_too_short" or not paper.entry.pending_id:
            raise
    named = []
    for number in (paper.entry.debit_account, paper.entry.credit_account):
        if (row := await history.account(conn, number)) is not None:
            handle = await _handle(conn, row.holder) if row.holder != OPERATOR else ""
            named.append(NamedAccount(row.holder, row.purpose, handle))
    return replace(paper, accounts=tuple(named))


async def _about_hold(conn: AsyncConnection, asked: Proposal, ledger: bytes, reason: Reason, code: int) -> EntryPaper:
    """An entry that resolves a hold says again what that said."""
    hold = await _record(conn, asked.hold)
    if not isinstance(hold, OperatorRecord) or hold.reason != Reason.HOLD:
        raise EntryRefused("hold_unknown")
    row = await history.account(conn, hold.debit_account_id)
    assert row is not None, "a record's accounts exist"
    released = reason is Reason.RELEASE
    entry = Entry(
        reason=reason,
        reason_code=code,
        undoes=0 if released else hold.undoes,
        document=ZERO_32 if released else hold.document,
        cap=0 if released else hold.cap,
        successor=ZERO_32 if released else hold.successor,
        nonce=os.urandom(32),
        debit_account=hold.debit_account_id,
        credit_account=hold.credit_account_id,
        amount_minor=hold.amount if released else hold.user_data_64,
        pending_id=hold.id,
        currency=row.currency,
        exponent=row.exponent,
    )
    return EntryPaper(ledger, entry, hold.debit_holder, await _handle(conn, hold.debit_holder))


async def _hold_target(conn: AsyncConnection, asked: Proposal, code: int, currency: Currency) -> int:
    """Where a hold of this reason code would go."""
    if code == HoldFor.UNDOING:
        undone = await _record(conn, asked.undoes)
        if not isinstance(undone, Movement):
            raise EntryRefused("record_undone_unknown")
        return undone.debit_account_id
    if code == HoldFor.RECOVERY:
        return account_id((await person_named(conn, asked.successor))[0], currency)
    return account_id(OPERATOR, currency, COMPELLED if code == HoldFor.COMPELLED else INQUIRY)


def _until(asked: Proposal, code: int, now: int) -> int:
    day_ns = 86_400 * NANOSECONDS
    lasting_ns = notice_ns(code) + DAYS_AFTER_NOTICE * day_ns if asked.days is None else asked.days * day_ns
    return min(-(-(now + lasting_ns) // NANOSECONDS) + 1, (now + HOLD_NS_MAX) // NANOSECONDS)


async def _record(conn: AsyncConnection, sequence: int) -> object:
    body = await history.record_body(conn, sequence)
    if body is None:
        raise NotFound("record")
    return decode(body)


async def person_named(conn: AsyncConnection, named: str) -> tuple[bytes, str]:
    """Holder id and handle of `@handle` or of 0x and 64 digits. Raises NotFound."""
    if named.startswith("0x") and len(named) == 66:
        holder = bytes.fromhex(named[2:])
        if await history.holder(conn, holder) is None:
            raise NotFound("holder")
        return holder, await _handle(conn, holder)
    query = select(users.c.holder, users.c.handle).where(users.c.handle == named.removeprefix("@"))
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        raise NotFound("holder")
    return row.holder, row.handle


async def _handle(conn: AsyncConnection, holder: bytes) -> str:
    return await conn.scalar(select(users.c.handle).where(users.c.holder == holder)) or ""
