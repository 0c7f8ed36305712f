"""Tokens in: a person opens an intent, pays the treasury from an address of theirs, and sees what becomes of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from api.auth import rfc3339
from api.bridge_states import Next, State
from api.currencies import CURRENCIES
from api.deposit_desk import Asked
from api.deposit_rows import Deposit, read_intent
from api.deposit_states import told
from api.deposits import Reason, Stage, Waiting
from api.errors import InvalidInput, NotFound
from api.fields import (
    Answer,
    AssetCode,
    Bytes32,
    ChainAddress,
    CurrencyCode,
    DecimalText,
    Digits,
    LongDigits,
    Signature,
    Strict,
    Time,
    raw,
    spelled,
)
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import Server, ServerHere
from chain.address import Address
from chain.token import Token, TokenAmount
from fiat.deposit import DepositTerms
from fiat.money import decimal_text

router = APIRouter(prefix="/v1/deposits", tags=["deposits"], responses=PROBLEM)
DepositId = Annotated[Bytes32, Path()]
_PARTS = ("asset", "amount", "currency")


class DepositRequest(Strict):
    """Of a `quote`, or of `asset`, `amount` and `currency` at the rate of the moment at which a block has it."""

    quote: Bytes32 | None = None
    asset: AssetCode | None = None
    amount: Annotated[str, Field(max_length=200, examples=["10.5"])] | None = None
    currency: CurrencyCode | None = None
    from_: Annotated[ChainAddress, Field(alias="from", description="an address that you have proved")]
    if_late: Literal["requote", "return"]


class SignedTerms(Answer):
    """LedgerDeposit, the EIP-712 struct under the ledger's domain that the operator signed."""

    holder: Bytes32
    id: Bytes32
    chainId: LongDigits
    treasury: str
    token: str
    sender: str
    asset: str
    decimals: Digits
    amountUnits: LongDigits
    currency: str
    quote: Bytes32
    ifLate: str
    validBefore: LongDigits


class Arrived(Answer):
    """The transfer that pays it. `amount` is what its log says, or what arrived, once that is known."""

    transaction: Bytes32
    block: int
    amount: DecimalText
    amount_minor: LongDigits
    measured: bool
    confirmations: int
    confirmations_left: int


class Credited(Answer):
    """`pending`: shown, not to be spent. `fee` was kept back of what the tokens came to."""

    state: Literal["pending", "posted"]
    currency: str
    amount: DecimalText
    amount_minor: Digits
    fee: DecimalText | None
    fee_minor: Digits | None
    sequence: int | None


class Refund(Answer):
    """As SEP-24 has it: what arrived = `amount_refunded` + `amount_fee`."""

    transaction: Bytes32
    amount_refunded: DecimalText
    amount_fee: DecimalText


class DepositAnswer(Answer):
    """`state` is SEP-24's; `next` happens until `due_at`, where a time is promised."""

    id: Bytes32
    chain_id: int
    asset: str = Field(examples=["DUSD"])
    treasury: ChainAddress
    amount: DecimalText
    amount_minor: LongDigits
    decimals: int
    currency: str = Field(examples=["EUR"])
    from_: Annotated[ChainAddress, Field(serialization_alias="from")]
    quote: Bytes32 | None
    if_late: Literal["requote", "return"]
    terms: SignedTerms
    signature: Signature
    state: State
    next: Next
    due_at: Time | None
    hold: Reason | None = Field(description="why it is held or given back")
    waiting: Waiting | None = Field(description="why it takes longer")
    arrived: Arrived | None
    credit: Credited | None
    refund: Refund | None
    created_at: Time


@router.put(
    "/{id}",
    status_code=201,
    responses={200: {"model": DepositAnswer, "description": "Known already: the same answer as the first time"}},
)
async def put_deposit(
    deposit_id: Annotated[DepositId, Path(alias="id")],
    body: DepositRequest,
    session: SignedIn,
    server: ServerHere,
    request: Request,
    response: Response,
) -> DepositAnswer:
    """Say what you will pay. Sent again with the same content it gets the first answer; with other content 409."""
    server.limit(request)
    row, first = await server.deposits.open(session.holder, raw(deposit_id), _asked(body))
    response.status_code = 201 if first else 200
    return _answer(server, row, None, -1, row["created_at"])


@router.get("/{id}")
async def get_deposit(
    deposit_id: Annotated[DepositId, Path(alias="id")], session: SignedIn, server: ServerHere
) -> DepositAnswer:
    """One's own intent as it stands."""
    row = await server.deposits.row(session.holder, raw(deposit_id))
    if row is None:
        raise NotFound("deposit")
    tip = await server.index.tip()
    deposit = await server.deposits.deposit(session.holder, raw(deposit_id))
    return _answer(server, row, deposit, -1 if tip is None else tip.number, server.clock)


def _asked(body: DepositRequest) -> Asked:
    """Raises InvalidInput for both ways at once, and for neither."""
    sender = Address(body.from_)
    if body.quote is not None:
        for name in _PARTS:
            if getattr(body, name) is not None:
                raise InvalidInput((f"body.{name}", "is what the quote says; leave it out"))
        return Asked(sender, body.if_late, quote=raw(body.quote))
    if body.asset is None or body.amount is None or body.currency is None:
        missing = next(name for name in _PARTS if getattr(body, name) is None)
        raise InvalidInput((f"body.{missing}", "is needed where there is no quote"))
    return Asked(sender, body.if_late, None, body.asset, body.amount, body.currency)


def _answer(server: Server, row: Any, deposit: Deposit | None, tip: int, now: int) -> DepositAnswer:
    terms = server.deposits.terms(row)
    standing = told(read_intent(row), deposit, now)
    shown = None if deposit is None or deposit.stage is Stage.GONE else deposit
    return DepositAnswer(
        id=spelled(row["id"]),
        chain_id=row["chain_id"],
        asset=row["asset"],
        treasury=Address.from_bytes(terms.treasury),
        amount=_units(terms.amount_units, terms),
        amount_minor=str(terms.amount_units),
        decimals=row["decimals"],
        currency=row["currency"],
        from_=Address.from_bytes(row["sender"]),
        quote=None if row["quote"] is None else spelled(row["quote"]),
        if_late=row["if_late"],
        terms=SignedTerms(**terms.to_json()),
        signature=spelled(row["signature"]),
        state=standing.state,
        next=standing.next,
        due_at=None if standing.due_at is None else rfc3339(standing.due_at),
        hold=None if shown is None else shown.reason,
        waiting=None if shown is None else shown.waiting,
        arrived=None if shown is None else _arrived(shown, terms, tip, server.settings.confirmations),
        credit=None if shown is None else _credit(shown),
        refund=None if shown is None else _refund(shown, terms),
        created_at=rfc3339(row["created_at"]),
    )


def _arrived(deposit: Deposit, terms: DepositTerms, tip: int, needed: int) -> Arrived:
    units = deposit.units if deposit.arrived is None else deposit.arrived
    confirmations = max(0, tip - deposit.block + 1)
    return Arrived(
        transaction=spelled(deposit.transaction),
        block=deposit.block,
        amount=_units(units, terms),
        amount_minor=str(units),
        measured=deposit.arrived is not None,
        confirmations=confirmations,
        confirmations_left=max(0, needed - confirmations),
    )


def _credit(deposit: Deposit) -> Credited | None:
    """Pending, once that stands in the ledger; what was posted, once that does."""
    is_posted = deposit.stage in (Stage.CREDITED, Stage.LOST) and deposit.credit is not None
    minor = deposit.pending_minor if deposit.stage in (Stage.PENDING, Stage.CREDITING) else None
    if is_posted and deposit.credit is not None:
        minor = deposit.credit.receive_minor
    if not minor or deposit.currency is None:
        return None
    exponent = CURRENCIES[deposit.currency].exponent
    fee = deposit.credit.fee_minor if is_posted and deposit.credit is not None else None
    return Credited(
        state="posted" if is_posted else "pending",
        currency=deposit.currency,
        amount=decimal_text(minor, exponent),
        amount_minor=str(minor),
        fee=None if fee is None else decimal_text(fee, exponent),
        fee_minor=None if fee is None else str(fee),
        sequence=deposit.sequence,
    )


def _refund(deposit: Deposit, terms: DepositTerms) -> Refund | None:
    if deposit.refund is None or deposit.refund_units is None or deposit.arrived is None:
        return None
    kept = max(0, deposit.arrived - deposit.refund_units)
    return Refund(
        transaction=spelled(deposit.refund),
        amount_refunded=_units(deposit.refund_units, terms),
        amount_fee=_units(kept, terms),
    )


def _units(units: int, terms: DepositTerms) -> str:
    contract = None if terms.token == bytes(20) else Address.from_bytes(terms.token)
    return TokenAmount(units, Token(terms.chain_id, contract, terms.asset, terms.asset, terms.decimals)).format()
