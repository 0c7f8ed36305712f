"""Accepting signed orders: everything that leaves a nonce free is checked here, then the journal decides.

A known nonce is looked up before every other check, expiry too; before its first answer is given again, the signature
is seen to be a key's of that holder, so that a nonce alone tells nothing.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from api.bridge_assets import bridge_assets
from api.currencies import CURRENCIES
from api.database import recording
from api.errors import ApiError, ReceiverUnproven
from api.fields import spelled
from api.gateways.destination import check_destination
from api.gateways.sandbox import PAYOUT
from api.server import Server
from api.tables import addresses, sessions
from chain.address import Address
from fiat.authority import SaltedText, authorise, check_texts, legs, order_currency
from fiat.currency import Currency
from fiat.errors import CurrencyUnknown, FiatError, HolderUnknown, OrderKeyUnknown, PayeeUnknown, ReceiveTooLittle
from fiat.fee import fee_minor
from fiat.holder import MAIN, OPERATOR
from fiat.journal_values import OrderResult
from fiat.money import AMOUNT_MINOR_MAX
from fiat.order import (
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    LedgerWithdrawal,
    Order,
    SignedOrder,
)
from fiat.record import KeyRecord, TransferRecord, decode
from fiat.token_scale import minor_and_dust
from fiat.transfer import Transfer

FEE_KINDS: dict[type[Order], str] = {
    LedgerTransfer: "transfer",
    LedgerWithdrawal: "withdrawal",
    LedgerHold: "hold",
}
"""What is charged by the tariff when the order comes; a conversion's fee is its quote's, a mandate bears none."""


async def accept(server: Server, signed: SignedOrder, texts: dict[str, SaltedText]) -> OrderResult:
    """The answer to an order: the first one again where its nonce is known. Raises OrderRefused, NonceConflict."""
    order, ledger_id = signed.order, server.journal.ledger_id
    try:
        signer = signed.signer(ledger_id)
        check_texts(order, texts)
        transfers = await _legs(server, order)
        receivers = _receivers(order, texts)
    except (FiatError, ApiError) as refusal:
        return await _refused(server, signed, refusal)
    try:
        result = await server.journal.accept(signed, signer, transfers, texts, receivers)
    except PayeeUnknown:
        for holder, currency in receivers:
            await _open(server, holder, currency)
        result = await server.journal.accept(signed, signer, transfers, texts, receivers)
    if not result.first:
        await _check_known(server, signed, result)
    if isinstance(order, LedgerControl):
        await _end_sessions(server, order)
    return await _kept(server, order, result)


async def _refused(server: Server, signed: SignedOrder, refusal: FiatError | ApiError) -> OrderResult:
    """A known nonce's first answer. Raises `refusal`, what is wrong with the order, of a free one to who may sign."""
    order = signed.order
    known = await server.journal.order_result(order.holder, order.nonce, order.digest(server.journal.ledger_id))
    if known is not None:
        await _check_known(server, signed, known)
        return await _kept(server, order, known)
    await _authorise(server, signed)
    raise refusal


async def _kept(server: Server, order: Order, result: OrderResult) -> OrderResult:
    """The quote that was accepted is evidence from now on; a server that died before saying so says it at the next."""
    if isinstance(order, LedgerConversion) and result.sequence is not None:
        await server.quotes.keep(order.reference, result.sequence)
    return result


async def _check_known(server: Server, signed: SignedOrder, known: OrderResult) -> None:
    """The signature is by whoever signed the order that was answered; of a refusal, by a key of the holder's now.

    Raises OrderKeyUnknown, OrderSignatureWrong.
    """
    ledger_id = server.journal.ledger_id
    signer = signed.signer(ledger_id)
    if known.receipt is None:
        allowed = (await server.journal.keys(signed.order.holder)).signers
    else:
        record = decode(known.receipt.record)
        assert isinstance(record, (TransferRecord, KeyRecord)) and record.order is not None, "it carries its order"
        allowed = frozenset({record.order.signer(ledger_id)})
    if signer not in allowed:
        raise OrderKeyUnknown(spelled(signer))


async def _authorise(server: Server, signed: SignedOrder) -> bytes:
    """Whose key signed it."""
    ledger_id = server.journal.ledger_id
    try:
        keys = await server.journal.keys(signed.order.holder)
    except HolderUnknown:  # the same answer as for a key that is not the holder's: who has an account is not told
        raise OrderKeyUnknown(spelled(signed.signer(ledger_id))) from None
    return authorise(signed, ledger_id, keys, server.clock // 10**9)


async def _end_sessions(server: Server, order: LedgerControl) -> None:
    """The sessions of a key that was revoked end."""
    if order.action == "key-revoke":
        mine = (sessions.c.holder == order.holder, sessions.c.key == order.subject[12:])
        async with recording(server.engine).begin() as conn:
            await conn.execute(delete(sessions).where(*mine))


async def _legs(server: Server, order: Order) -> list[Transfer]:
    """The transfers that carry the order out, its fee among them. Raises QuoteUnknown, QuoteExpired, AmountRefused."""
    if isinstance(order, LedgerControl):
        return []
    ledger_id = server.journal.ledger_id
    if isinstance(order, LedgerConversion) and any(order.receive_to):
        return await _bridge_legs(server, order)
    if isinstance(order, LedgerConversion):
        quote = await server.quotes.accepted_by(order)
        fee, receive = quote.fee_minor, quote.receive_minor
        return legs(order, ledger_id, CURRENCIES, payout=PAYOUT, fee_minor=fee, receive_minor=receive)
    fee = 0
    kind = FEE_KINDS.get(type(order))
    amount_minor = getattr(order, "amount_minor", 0)
    if kind is not None and 0 < amount_minor <= AMOUNT_MINOR_MAX:
        assert isinstance(order, (LedgerTransfer, LedgerWithdrawal, LedgerHold)), "FEE_KINDS names no other"
        fee = fee_minor(server.tariff.schedule(kind, order.currency), amount_minor)
    return legs(order, ledger_id, CURRENCIES, payout=PAYOUT, fee_minor=fee)


async def _bridge_legs(server: Server, order: LedgerConversion) -> list[Transfer]:
    """Everything is reserved until the token has been sent. Raises ReceiverUnproven, QuoteUnknown, QuoteExpired."""
    quote = await server.quotes.bridge_accepted_by(order)
    asset = bridge_assets(server.tokens).get(quote.symbol)
    if asset is None or quote.chain_id != server.settings.chain_id:
        raise CurrencyUnknown(quote.symbol)
    mine = (addresses.c.chain_id == quote.chain_id, addresses.c.address == order.receive_to)
    async with server.engine.connect() as conn:
        proven = await conn.scalar(select(addresses.c.holder).where(*mine))
    if proven != order.holder:
        raise ReceiverUnproven(Address.from_bytes(order.receive_to), quote.chain_id)
    if quote.receive_amount < order.receive_min_minor:
        raise ReceiveTooLittle(quote.receive_amount, order.receive_min_minor)
    receive, _ = minor_and_dust(quote.receive_amount, quote.decimals)
    terms = {"fee_minor": quote.fees_minor, "receive_minor": receive}
    return legs(order, server.journal.ledger_id, CURRENCIES, payout=PAYOUT, token=asset.currency, **terms)


def _receivers(order: Order, texts: dict[str, SaltedText]) -> list[tuple[bytes, Currency]]:
    """Whose accounts, in which currency, must be there. Raises PayeeUnknown, CurrencyUnknown, DestinationInvalid."""
    if isinstance(order, LedgerWithdrawal):
        check_destination(texts["destination"].text)
    elif isinstance(order, LedgerConversion) and not any(order.receive_to):
        received = CURRENCIES.get(order.receive_asset)
        if received is None:
            raise CurrencyUnknown(order.receive_asset)
        return [(order.holder, received)]
    elif isinstance(order, (LedgerTransfer, LedgerMandate, LedgerHold)):
        payee = order.captor if isinstance(order, LedgerHold) else order.payee
        if payee == OPERATOR:  # its accounts are nobody's to pay into
            raise PayeeUnknown(spelled(payee))
        currency = order_currency(order, CURRENCIES)
        # A mandate moves nothing yet, so that the payer may have no account either.
        return (
            [(order.holder, currency), (payee, currency)] if isinstance(order, LedgerMandate) else [(payee, currency)]
        )
    return []


async def _open(server: Server, holder: bytes, currency: Currency) -> None:
    """An account of that holder's in the currency, opened where there is none yet. Raises PayeeUnknown."""
    try:
        await server.journal.open_account(holder, currency, MAIN)
    except HolderUnknown:
        raise PayeeUnknown(spelled(holder)) from None
