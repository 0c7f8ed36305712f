"""Signed orders: the signature is the whole authorisation; once means once; an accepted order has a receipt."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import Field
from sqlalchemy import select

from api.auth import rfc3339
from api.currencies import CURRENCIES
from api.errors import MachineRefused, NotFound
from api.fields import Answer, Bytes32, CurrencyCode, Digits, LongDigits, Salt16, Signature, Strict, Time, raw, spelled
from api.gateways.destination import check_destination
from api.gateways.sandbox import PAYOUT
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import Server, ServerHere
from api.signed import ReceiptAnswer, receipt_answer
from api.tables import withdrawals
from fiat import history
from fiat.authority import SaltedText, authorise, check_texts, legs, order_currency
from fiat.errors import HolderUnknown, OrderHeadUnknown, OrderKeyUnknown, OrderMalformed, PayeeUnknown
from fiat.holder import MAIN, OPERATOR, account_id
from fiat.journal_values import OrderResult
from fiat.order import LedgerTransfer, LedgerWithdrawal, Order, SignedOrder, order_from_json
from fiat.record import TransferRecord, decode

router = APIRouter(prefix="/v1/orders", tags=["orders"], responses=PROBLEM)
Nonce = Annotated[Bytes32, Path()]
PayoutState = Literal["accepted", "paid", "returned"]
Text = Annotated[str, Field(max_length=1000)]


class OrderHead(Strict):
    """What every order begins with. All integers are digit strings, times Unix seconds."""

    holder: Bytes32
    keyEpoch: Annotated[Digits, Field(examples=["1"])]
    nonce: Bytes32
    validAfter: LongDigits
    validBefore: LongDigits
    seenHead: Bytes32


class OrderMoney(OrderHead):
    shown: Bytes32
    currency: CurrencyCode
    exponent: Annotated[Digits, Field(examples=["2"])]
    amountMinor: Annotated[LongDigits, Field(examples=["4000"])]
    totalMaxMinor: Annotated[LongDigits, Field(examples=["4000"])]
    reference: Bytes32


class TransferFields(OrderMoney):
    payee: Bytes32


class WithdrawalFields(OrderMoney):
    destination: Bytes32


class TextField(Strict):
    """keccak256(salt, UTF-8 text) stands in the order."""

    salt: Salt16
    text: Annotated[Text, Field(examples=["@bob\nlunch"])]


class TransferTexts(Strict):
    """First line: the payee as the person saw them; below it the memo."""

    shown: TextField


class WithdrawalTexts(Strict):
    """`destination` is canonical: `iban:...`, `card:...` or `account:...`."""

    shown: TextField
    destination: TextField


class TransferOrder(Strict):
    type: Literal["LedgerTransfer"]
    order: TransferFields
    signature: Signature
    texts: TransferTexts


class WithdrawalOrder(Strict):
    type: Literal["LedgerWithdrawal"]
    order: WithdrawalFields
    signature: Signature
    texts: WithdrawalTexts


class UnbuiltOrder(Strict):
    """Types that are signed already but not carried out yet: answered 422 `not_built_yet`."""

    type: Literal["LedgerConversion", "LedgerHold", "LedgerMandate", "LedgerControl"]
    order: dict[str, str]
    signature: Signature
    texts: dict[str, TextField]


OrderRequest = Annotated[TransferOrder | WithdrawalOrder | UnbuiltOrder, Field(discriminator="type")]


class OrderAnswer(Answer):
    """The first answer to an order, the same ever after. Check the receipt and keep it."""

    nonce: Bytes32
    type: str = Field(examples=["LedgerTransfer"])
    at: Time
    receipt: ReceiptAnswer


class WithdrawalState(Answer):
    state: PayoutState
    destination: str | None = Field(examples=["iban:DE89370400440532013000"])
    updated_at: Time


class OrderStateAnswer(Answer):
    """One's own order today. `refusal` is the machine's status where it refused."""

    nonce: Bytes32
    type: str | None
    order: dict[str, str] | None
    state: Literal["done", "refused", "accepted", "paid", "returned"]
    refusal: str | None
    at: Time | None
    receipt: ReceiptAnswer | None
    withdrawal: WithdrawalState | None


@router.put(
    "/{nonce}",
    status_code=201,
    responses={200: {"model": OrderAnswer, "description": "Known already: the same answer as the first time"}},
)
async def put_order(nonce: Nonce, body: OrderRequest, server: ServerHere, response: Response) -> OrderAnswer:
    """Carry out a signed order. Sent again with the same content it gets the same receipt; with other content 409."""
    order = order_from_json(body.type, body.order if isinstance(body, UnbuiltOrder) else body.order.model_dump())
    if spelled(order.nonce) != nonce:
        raise OrderMalformed("nonce", "is not the one in the path")
    signed = SignedOrder(order, raw(body.signature))
    digest = order.digest(server.journal.ledger_id)
    result = await server.journal.order_result(order.holder, order.nonce, digest)
    if result is None:
        result = await _carry_out(server, signed, _texts(body))
    return _answered(signed, result, response)


async def _carry_out(server: Server, signed: SignedOrder, texts: dict[str, SaltedText]) -> OrderResult:
    """Check everything that leaves the nonce free, then let the journal decide."""
    order, ledger_id = signed.order, server.journal.ledger_id
    try:
        keys = await server.journal.keys(order.holder)
    except HolderUnknown:  # the same answer as for a key that is not the holder's: who has an account is not told
        raise OrderKeyUnknown(spelled(signed.signer(ledger_id))) from None
    authorise(signed, ledger_id, keys, server.clock // 10**9)
    transfers = legs(order, ledger_id, CURRENCIES, payout=PAYOUT)
    check_texts(order, texts)
    async with server.engine.connect() as conn:
        if not await history.head_known(conn, order.holder, order.seen_head):
            raise OrderHeadUnknown(spelled(order.seen_head))
    await _check_receiver(server, order, texts)
    return await server.journal.submit(signed, transfers, texts)


async def _check_receiver(server: Server, order: Order, texts: dict[str, SaltedText]) -> None:
    """The payee has an account in this currency, or the destination is one. Raises PayeeUnknown, DestinationInvalid."""
    if isinstance(order, LedgerTransfer):
        if order.payee == OPERATOR:  # its accounts are nobody's to pay into
            raise PayeeUnknown(spelled(order.payee))
        currency = order_currency(order, CURRENCIES)
        async with server.engine.connect() as conn:
            if await history.account(conn, account_id(order.payee, currency)) is not None:
                return
        try:
            await server.journal.open_account(order.payee, currency, MAIN)
        except HolderUnknown:
            raise PayeeUnknown(spelled(order.payee)) from None
    elif isinstance(order, LedgerWithdrawal):
        check_destination(texts["destination"].text)


def _texts(body: TransferOrder | WithdrawalOrder | UnbuiltOrder) -> dict[str, SaltedText]:
    if isinstance(body, UnbuiltOrder):
        return {}
    fields = {"shown": body.texts.shown}
    if isinstance(body, WithdrawalOrder):
        fields["destination"] = body.texts.destination
    return {name: SaltedText(raw(field.salt), field.text) for name, field in fields.items()}


def _answered(signed: SignedOrder, result: OrderResult, response: Response) -> OrderAnswer:
    """201 the first time, 200 after. Raises MachineRefused."""
    order = signed.order
    if result.receipt is None:
        raise MachineRefused(result.status.name.lower(), spelled(order.nonce), 0)
    response.status_code = 201 if result.first else 200
    return OrderAnswer(
        nonce=spelled(order.nonce),
        type=order.type_name,
        at=rfc3339(decode(result.receipt.record).timestamp),
        receipt=receipt_answer(result.receipt),
    )


@router.get("/{nonce}")
async def get_order(nonce: Nonce, session: SignedIn, server: ServerHere) -> OrderStateAnswer:
    """One's own order, with what became of it."""
    key = raw(nonce)
    known = await server.journal.order_result(session.holder, key)
    if known is None:
        raise NotFound("order")
    if known.receipt is None:
        return OrderStateAnswer(
            nonce=nonce,
            type=None,
            order=None,
            state="refused",
            refusal=known.status.name.lower(),
            at=None,
            receipt=None,
            withdrawal=None,
        )
    record = decode(known.receipt.record)
    assert isinstance(record, TransferRecord) and record.order is not None, "leg 0 carries its order"
    order = record.order.order
    withdrawal = await _withdrawal(server, order, record.timestamp) if isinstance(order, LedgerWithdrawal) else None
    return OrderStateAnswer(
        nonce=nonce,
        type=order.type_name,
        order=order.to_json(),
        state="done" if withdrawal is None else withdrawal.state,
        refusal=None,
        at=rfc3339(record.timestamp),
        receipt=receipt_answer(known.receipt),
        withdrawal=withdrawal,
    )


async def _withdrawal(server: Server, order: LedgerWithdrawal, accepted_at: int) -> WithdrawalState:
    query = select(withdrawals.c.state, withdrawals.c.updated_at).where(
        withdrawals.c.holder == order.holder, withdrawals.c.nonce == order.nonce
    )
    async with server.engine.connect() as conn:
        row = (await conn.execute(query)).one_or_none()
        texts = await history.texts_by_hash(conn, [order.destination])
    state: PayoutState = row.state if row else "accepted"
    updated_at = row.updated_at if row else accepted_at
    destination = texts[order.destination].text if order.destination in texts else None
    return WithdrawalState(state=state, destination=destination, updated_at=rfc3339(updated_at))
