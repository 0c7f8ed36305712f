"""Notices: what officers did to one's balance, or are about to, and what became of each."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from api.agreements import cursor_of
from api.auth import rfc3339
from api.fields import Answer, Bytes32, Count, DecimalText, Digits, Time, spelled
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import ServerHere
from api.signed import ReceiptAnswer, receipt_answer
from fiat.history_notices import Notice, notices
from fiat.money import decimal_text
from fiat.officer import REASON_CODES
from fiat.seal import Receipt

router = APIRouter(prefix="/v1", tags=["notices"], responses=PROBLEM)
LIMIT_MAX = 200


class NoticeAnswer(Answer):
    """One operator record, signed by two officers. A hold says what for, from when it may be taken and when it ends.

    `amount` is what moved or is held, `asked_minor` what the officers signed. `document` is the hash of the paper that
    compels, `undoes` the sequence of the record that is undone, `successor` the holder that a recovery moves to.
    """

    sequence: int
    at: Time
    reason: Literal["undoing", "compelled", "recovery", "hold", "release", "credit"]
    reason_code: int
    what: str = Field(examples=["chargeback"])
    hold_for: Literal["undoing", "compelled", "recovery", "inquiry"] | None
    without_notice: bool
    direction: Literal["in", "out"]
    state: Literal["active", "released", "taken", "expired", "credited"]
    currency: str = Field(examples=["EUR"])
    decimals: int = Field(examples=[2])
    amount: DecimalText
    amount_minor: Digits
    asked_minor: Digits
    takes_effect_at: Time | None
    until: Time | None
    document: Bytes32 | None
    undoes: int | None
    successor: Bytes32 | None
    receipt: ReceiptAnswer


class NoticePage(Answer):
    """Newest first. `next_cursor` is null at the end."""

    items: list[NoticeAnswer]
    next_cursor: str | None = Field(examples=["42"])


@router.get("/notices")
async def get_notices(
    session: SignedIn,
    server: ServerHere,
    limit: Annotated[Count, Field(ge=1, le=LIMIT_MAX), Query(examples=[50])] = 50,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
) -> NoticePage:
    """The operator records that concern one's accounts, newest first."""
    before = cursor_of(cursor)
    async with server.engine.connect() as conn:
        found = await notices(conn, session.holder, limit + 1, before)
    next_cursor = str(found[limit - 1].sequence) if len(found) > limit else None
    items = [_answer(notice, await server.journal.receipt(notice.sequence)) for notice in found[:limit]]
    return NoticePage(items=items, next_cursor=next_cursor)


def _answer(notice: Notice, receipt: Receipt) -> NoticeAnswer:
    return NoticeAnswer(
        sequence=notice.sequence,
        at=rfc3339(notice.timestamp),
        reason=notice.reason.name.lower(),  # type: ignore[arg-type]  # the names above are the enum's
        reason_code=notice.reason_code,
        what=REASON_CODES[notice.reason].get(notice.reason_code, "other"),
        hold_for=None if notice.hold_for is None else notice.hold_for.name.lower(),  # type: ignore[arg-type]  # the same
        without_notice=notice.without_notice,
        direction="in" if notice.incoming else "out",
        state=notice.state,
        currency=notice.currency,
        decimals=notice.exponent,
        amount=decimal_text(notice.amount, notice.exponent),
        amount_minor=str(notice.amount),
        asked_minor=str(notice.asked_minor),
        takes_effect_at=None if notice.takes_effect_at is None else rfc3339(notice.takes_effect_at),
        until=None if notice.until is None else rfc3339(notice.until),
        document=None if notice.document is None else spelled(notice.document),
        undoes=notice.undoes,
        successor=None if notice.successor is None else spelled(notice.successor),
        receipt=receipt_answer(receipt),
    )
