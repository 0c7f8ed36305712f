"""Statements of one's own accounts, as of any time, in four formats."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.currencies import CURRENCIES
from api.errors import InvalidInput
from api.fields import Answer, CurrencyCode, DecimalText, Digits, Strict, Time
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import ServerHere
from api.statements import MEDIA_TYPES, SUFFIXES, Format, Language, read_sheet, rendered
from fiat.errors import CurrencyUnknown
from fiat.period import PATTERN, period
from fiat.statement import By

router = APIRouter(prefix="/v1", tags=["views"], responses=PROBLEM)
COST_OF_PDF = 20
"""Requests that typesetting counts as."""
SignedDigits = Annotated[str, Field(pattern="^-?(0|[1-9][0-9]{0,18})$", examples=["-1250"])]


class StatementQuery(Strict):
    """Days are whole and in UTC, the last one counted in; of two instants the second is not."""

    currency: CurrencyCode = "EUR"
    from_: Annotated[str | None, Field(alias="from", pattern=PATTERN, examples=["2026-11-01"])] = None
    to: Annotated[str | None, Field(pattern=PATTERN, examples=["2026-11-30"])] = None
    by: By = Field(By.RECORDED, strict=False)
    format: Format = "json"
    language: Language = "en"


class LineAnswer(Answer):
    """What came (above zero) or left, and the balance after it. `reference` is the transfer's id."""

    sequence: int
    recorded_at: Time
    effective_at: Time
    kind: str = Field(examples=["transfer"])
    amount: DecimalText
    amount_minor: SignedDigits
    balance: DecimalText
    balance_minor: SignedDigits
    counterparty: str
    memo: str
    reference: str


class StatementAnswer(Answer):
    """`opening + in - out = closing`. `sequence` is the last record of the ledger that it knows of."""

    account: str
    owner: str
    currency: str = Field(examples=["EUR"])
    decimals: int = Field(examples=[2])
    by: str = Field(examples=["recorded"])
    start: Time
    end: Time
    made_at: Time
    sequence: int
    opening: DecimalText
    opening_minor: SignedDigits
    closing: DecimalText
    closing_minor: SignedDigits
    in_: Annotated[DecimalText, Field(alias="in")]
    in_minor: Digits
    out: DecimalText
    out_minor: Digits
    fees: DecimalText
    fees_minor: Digits
    lines: list[LineAnswer]


_CONTENT: dict[str, dict[str, str]] = {
    media.partition(";")[0]: {} for form, media in MEDIA_TYPES.items() if form != "json"
}


@router.get(
    "/statements",
    responses={200: {"model": StatementAnswer, "content": _CONTENT, "description": "In the format that was asked for"}},
)
async def get_statement(
    session: SignedIn, server: ServerHere, request: Request, asked: Annotated[StatementQuery, Query()]
) -> Response:
    """One's own account in one currency over a period: opening balance, lines, closing balance, totals."""
    currency = CURRENCIES.get(asked.currency)
    if currency is None:
        raise CurrencyUnknown(asked.currency)
    try:
        start, end = period(asked.from_, asked.to)
    except ValueError as error:
        raise InvalidInput(("query.from", str(error))) from None
    if asked.format == "pdf":
        server.limit(request, COST_OF_PDF)
    found = await read_sheet(
        server.engine, session.holder, session.handle, currency, start, end, asked.by, server.clock
    )
    name = f"statement-{currency.code}-{found.start[:10]}.{SUFFIXES[asked.format]}"
    return Response(
        await rendered(found, asked.format, asked.language),
        media_type=MEDIA_TYPES[asked.format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'} if asked.format != "json" else {},
    )
