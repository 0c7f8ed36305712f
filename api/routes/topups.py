"""Money in through a gateway. The client chooses the id; every state is visible."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from api.auth import rfc3339
from api.currencies import CURRENCIES
from api.database import recording
from api.errors import IdConflict, NotFound
from api.fields import Answer, Bytes32, CurrencyCode, DecimalText, Digits, Strict, Time, raw, spelled
from api.gateways.sandbox import TOPUP_MINOR_MAX, topup_charge
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import Server, ServerHere
from api.tables import topups
from fiat import history
from fiat.errors import AmountNotPositive, AmountTooLarge, CurrencyUnknown
from fiat.fee import charge
from fiat.money import decimal_text, parse_minor
from fiat.record import TransferRecord, decode

router = APIRouter(prefix="/v1/topups", tags=["topups"], responses=PROBLEM)
TopupId = Annotated[Bytes32, Path()]
_CONTENT = ("gateway", "currency", "amount_minor")


class TopupRequest(Strict):
    gateway: Literal["sandbox"]
    currency: CurrencyCode
    amount_minor: Digits


class TopupAnswer(Answer):
    id: Bytes32
    gateway: str = Field(examples=["sandbox"])
    currency: str = Field(examples=["EUR"])
    decimals: int = Field(examples=[2])
    amount: DecimalText
    amount_minor: Digits
    fee: DecimalText
    fee_minor: Digits = Field(description="kept back: the account is credited with the amount less this")
    state: Literal["pending", "settled"]
    waiting: Literal["clearing_cap"] | None = Field(
        description="why a pending one takes longer: the gateway holds as much unsettled money as it may"
    )
    created_at: Time
    settled_at: Time | None
    sequence: int | None


@router.put(
    "/{id}",
    status_code=201,
    responses={200: {"model": TopupAnswer, "description": "Known already: the same answer as the first time"}},
)
async def put_topup(
    topup_id: Annotated[TopupId, Path(alias="id")],
    body: TopupRequest,
    session: SignedIn,
    server: ServerHere,
    request: Request,
    response: Response,
) -> TopupAnswer:
    """Ask a gateway for money in. Sent again with the same content it gets the first answer; with other content 409."""
    server.limit(request)
    asked = _asked(body, min(TOPUP_MINOR_MAX, server.settings.sandbox_clearing_cap_minor))
    charge(server.tariff.schedule("topup", body.currency), asked["amount_minor"])  # refused where nothing would arrive
    row, first = await _find_or_create(server, session.holder, raw(topup_id), asked)
    if any(row[name] != asked[name] for name in _CONTENT):
        raise IdConflict(topup_id)
    response.status_code = 201 if first else 200
    return _answer(row, _fee_asked(server, row), "pending")


@router.get("/{id}")
async def get_topup(
    topup_id: Annotated[TopupId, Path(alias="id")], session: SignedIn, server: ServerHere
) -> TopupAnswer:
    """One's own top-up as it stands."""
    row = await _find(server, session.holder, raw(topup_id))
    if row is None:
        raise NotFound("topup")
    return _answer(row, await _fee_taken(server, row), row["state"], row["waiting"])


def _asked(body: TopupRequest, minor_max: int) -> dict[str, Any]:
    """Raises CurrencyUnknown, AmountNotPositive, AmountTooLarge."""
    currency = CURRENCIES.get(body.currency)
    if currency is None:
        raise CurrencyUnknown(body.currency)
    amount_minor = parse_minor(body.amount_minor)
    if amount_minor == 0:
        raise AmountNotPositive(body.amount_minor)
    if amount_minor > minor_max:
        raise AmountTooLarge(body.amount_minor)
    return {
        "gateway": body.gateway,
        "currency": currency.code,
        "exponent": currency.exponent,
        "amount_minor": amount_minor,
    }


async def _find(server: Server, holder: bytes, topup_id: bytes) -> Any:
    query = select(topups).where(topups.c.holder == holder, topups.c.id == topup_id)
    async with server.engine.connect() as conn:
        return (await conn.execute(query)).mappings().one_or_none()


async def _find_or_create(server: Server, holder: bytes, topup_id: bytes, asked: dict[str, Any]) -> tuple[Any, bool]:
    """The row, and whether it was made by this call."""
    if (row := await _find(server, holder, topup_id)) is not None:
        return row, False
    now = server.clock
    due_at = now + server.settings.sandbox_delay_ms * 10**6
    fresh = {"holder": holder, "id": topup_id, **asked, "state": "pending", "created_at": now, "due_at": due_at}
    try:
        async with recording(server.engine).begin() as conn:
            await conn.execute(insert(topups).values(**fresh))
    except IntegrityError:  # the same request, sent twice at once
        return await _find(server, holder, topup_id), False
    server.sandbox.wake()
    return fresh | {"settled_at": None, "sequence": None}, True


def _fee_asked(server: Server, row: Any) -> int:
    """By the tariff, in minor units."""
    return topup_charge(server.tariff, CURRENCIES[row["currency"]], row["amount_minor"]).fee_minor


async def _fee_taken(server: Server, row: Any) -> int:
    """What was kept back of a settled one: its amount less what its record credited."""
    if row["state"] != "settled":
        return _fee_asked(server, row)
    async with server.engine.connect() as conn:
        body = await history.record_body(conn, row["sequence"])
    record = decode(body) if body is not None else None
    assert isinstance(record, TransferRecord), "a settled top-up names its record"
    return int(row["amount_minor"]) - record.amount


def _answer(
    row: Any, fee: int, state: Literal["pending", "settled"], waiting: Literal["clearing_cap"] | None = None
) -> TopupAnswer:
    """As asked for (`pending`), or as it is."""
    settled = state == "settled"
    return TopupAnswer(
        id=spelled(row["id"]),
        gateway=row["gateway"],
        currency=row["currency"],
        decimals=row["exponent"],
        amount=decimal_text(row["amount_minor"], row["exponent"]),
        amount_minor=str(row["amount_minor"]),
        fee=decimal_text(fee, row["exponent"]),
        fee_minor=str(fee),
        state=state,
        waiting=waiting,
        created_at=rfc3339(row["created_at"]),
        settled_at=rfc3339(row["settled_at"]) if settled else None,
        sequence=row["sequence"] if settled else None,
    )
