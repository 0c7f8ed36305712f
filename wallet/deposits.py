"""Tokens given for money at the server: the quote, the signed terms, and the payment to the treasury that they name.

The treasury's address is the operator's word, and held against the operator: terms count only with the signature of
the key that the ledger's genesis pins, for this person, this chain, this token and this amount. What is paid then is a
transaction like any other of one's own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction

from chain.address import Address
from chain.token import TokenAmount
from fiat.bridge_quote import BridgeQuote
from fiat.conversion import less_spread
from fiat.currency import Currency
from fiat.deposit import DepositTerms, terms_from_json
from fiat.errors import FiatError
from fiat.money import decimal_text
from fiat.signature import recover
from wallet.errors import AnswerUnfit, ProofMissing
from wallet.heads import Json, Reader, reason_of
from wallet.payee import Payee
from wallet.proofs import Ledger, read_bridge_quote
from wallet.review import Caution, Fact, Label, Review, Source
from wallet.review_orders import RATE_LOSS_USUAL_PPM, moment
from wallet.tokens import NORMAL_GAS, Gas, TokenPlan, TokenRail
from wallet.wallet import Wallet

RATE_DECIMALS = 6
STATES = frozenset(
    {
        *("incomplete", "pending_user_transfer_start", "pending_external", "pending_anchor", "on_hold", "completed"),
        *("refunded", "expired", "too_small", "too_large", "error"),
    }
)
"""As SEP-24 names them."""
OVER = frozenset({"completed", "refunded", "expired", "too_small", "too_large", "error", "on_hold"})
"""After these nothing follows by itself, or nobody says when."""


@dataclass(frozen=True, slots=True)
class DepositPlan:
    """A payment that is not signed yet, and what the operator signed that it takes it for."""

    quote: BridgeQuote
    terms: DepositTerms
    payment: TokenPlan


async def plan_deposit(
    wallet: Wallet, amount: TokenAmount, receive: Currency, sender: Address | None, if_late: str, gas: Gas = NORMAL_GAS
) -> DepositPlan:
    """Asks for a quote, opens an intent and prepares the payment. Raises ProofMissing for what nobody signed."""
    await wallet.ensure_session()
    sender = sender or (await wallet.keys()).accounts[0]
    ledger, host = await wallet.client.ledger(), wallet.client.host
    asked: Json = {"from": amount.token.symbol, "to": receive.code, "amount_minor": str(amount.units)}
    quote = read_bridge_quote(host, await wallet.client.post("/quotes", asked, session=True), ledger)
    contract = bytes(20) if amount.token.address is None else amount.token.address.raw
    wanted = (wallet.client.holder, False, receive.code, receive.exponent)
    wanted_token = (amount.token.chain_id, contract, amount.token.decimals, amount.units)
    if (quote.holder, quote.to_token, quote.currency, quote.exponent) != wanted:
        raise AnswerUnfit(host, "quote")
    if (quote.chain_id, quote.token, quote.decimals, quote.give_amount) != wanted_token:
        raise AnswerUnfit(host, "quote")
    terms = await _opened(wallet, ledger, quote, sender, if_late)
    treasury = Address.from_bytes(terms.treasury)
    payment = await TokenRail(wallet).plan(amount, Payee(address=treasury), sender, gas)
    return DepositPlan(quote, terms, replace(payment, review=_reviewed(payment, quote, ledger, host)))


async def _opened(wallet: Wallet, ledger: Ledger, quote: BridgeQuote, sender: Address, if_late: str) -> DepositTerms:
    identity, reference, host = os.urandom(32), quote.digest(ledger.id), wallet.client.host
    body: Json = {"quote": "0x" + reference.hex(), "from": sender, "if_late": if_late}
    answer = await wallet.client.ask("PUT", f"/deposits/0x{identity.hex()}", body, session=True)
    terms = read_terms(host, answer, ledger)
    agreed = DepositTerms(
        holder=wallet.client.holder,
        id=identity,
        chain_id=quote.chain_id,
        treasury=terms.treasury,
        token=quote.token,
        sender=sender.raw,
        asset=quote.symbol,
        decimals=quote.decimals,
        amount_units=quote.give_amount,
        currency=quote.currency,
        quote=reference,
        if_late=if_late,
        valid_before=quote.expires_at,
    )
    if terms != agreed:
        raise AnswerUnfit(host, "deposit.terms")
    return terms


def read_terms(server: str, document: object, ledger: Ledger) -> DepositTerms:
    """Terms of a deposit that the operator signed. Raises AnswerUnfit, ProofMissing."""
    answer = Reader(server, "deposit", document)
    try:
        terms = terms_from_json(answer.inner("terms").document)
        signer = recover(terms.digest(ledger.id), answer.raw("signature", 65))
    except (FiatError, ValueError, OverflowError) as error:
        raise ProofMissing(server, "deposit", reason_of(error)) from None
    if signer != ledger.operator:
        raise ProofMissing(server, "deposit", "it is not signed by the operator")
    return terms


def _reviewed(payment: TokenPlan, quote: BridgeQuote, ledger: Ledger, host: str) -> Review:
    """The payment's own review, and below it what the server says that it takes it for."""
    shown, units = payment.review, quote.receive_amount
    scale = Fraction(10) ** (quote.decimals - quote.exponent)
    worst = Fraction(units, quote.give_amount) * scale
    claimed = [
        Fact(Label.PAYEE, f"treasury of {host}", Source.CLAIMED),
        Fact(Label.RECEIVE, f"{decimal_text(units, quote.exponent)} {quote.currency}", Source.CLAIMED),
        Fact(Label.RATE, _rate_text(worst, quote), Source.CLAIMED),
        Fact(Label.MARKET, _rate_text(quote.market, quote), Source.CLAIMED),
        Fact(Label.SPREAD, f"{decimal_text(quote.spread_ppm, 4)} %", Source.CLAIMED),
        Fact(Label.KEPT_BACK, f"{decimal_text(quote.fees_minor, quote.exponent)} {quote.currency}", Source.CLAIMED),
        Fact(Label.VALID_UNTIL, moment(quote.expires_at), Source.CLAIMED),
        Fact(Label.QUOTE, quote.digest(ledger.id).hex()[:16], Source.CLAIMED),
    ]
    told = [replace(fact, by=host) for fact in claimed]
    is_poor = worst < less_spread(quote.market, RATE_LOSS_USUAL_PPM)
    cautions = (*shown.cautions, *((Caution.RATE_POOR,) if is_poor else ()))
    return replace(shown, facts=(*shown.facts, *told), cautions=cautions)


def _rate_text(rate: Fraction, quote: BridgeQuote) -> str:
    """Cut, never rounded up."""
    units = rate.numerator * 10**RATE_DECIMALS // rate.denominator
    return f"1 {quote.symbol} = {decimal_text(units, RATE_DECIMALS)} {quote.currency}"


async def standing(wallet: Wallet, intent: bytes) -> Json:
    """Where an intent stands, by the server. Raises AnswerUnfit for a state that there is none of."""
    found = await wallet.client.get(f"/deposits/0x{intent.hex()}", session=True)
    if found.get("state") not in STATES:
        raise AnswerUnfit(wallet.client.host, "deposit.state")
    return found
