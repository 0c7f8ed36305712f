"""What a person is shown before they sign an order to the ledger: every type, worked out from its bytes. Pure.

Texts that travel beside an order are facts of the bytes, since their hashes are signed. What only the server says (a
market rate, what a limit was before) is handed in as a fact of its own and stays marked as claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from chain.address import Address
from chain.token import UNITS_MAX, Token, TokenAmount
from fiat.bridge_quote import BridgeQuote, chain_asset
from fiat.conversion import less_spread
from fiat.currency import ISO_4217
from fiat.holder import fingerprint
from fiat.money import decimal_text
from fiat.order import (
    ZERO_32,
    LedgerControl,
    LedgerConversion,
    LedgerHold,
    LedgerMandate,
    LedgerTransfer,
    LedgerWithdrawal,
    Order,
    order_from_json,
    text_hash,
)
from fiat.quote import Quote
from wallet.errors import BytesNotUnderstood
from wallet.review import Caution, Fact, Label, Review, Source, Title, Told
from wallet.signable import read_order

FEE_SHARE_USUAL = 10
"""A fee above a tenth of the amount is unusual."""
RATE_LOSS_USUAL_PPM = 30_000
"""Receiving over 3 % less than the market rate that the server itself names is unusual."""
NO_LIMIT = 2**63 - 1
PERIODS = {"day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
"""What `--every` may be called; a month is thirty days."""
_PERIOD_NAMES = {seconds: name for name, seconds in PERIODS.items()}
_RATE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Given:
    """What a review is given beside the bytes: the order's texts, whose claims are claims, and the accepted quote."""

    texts: Mapping[str, Told]
    host: str
    payee_known: bool
    quote: Quote | BridgeQuote | None = None
    more: Sequence[Fact] = ()
    token: Token | None = None
    """What the person's own list has for a token that is received."""

    @property
    def lines(self) -> tuple[str, str]:
        """Payee and memo, as the text that was shown has them."""
        payee, _, memo = self.texts["shown"].text.partition("\n")
        return payee, memo

    def payee(self, holder: bytes) -> list[Fact]:
        """Who it is, and the fingerprint by which they can be told from anybody else; the memo below."""
        payee, memo = self.lines
        facts = [
            Fact(Label.PAYEE, payee, Source.LIST if self.payee_known else Source.CLAIMED),
            Fact(Label.FINGERPRINT, fingerprint(holder), Source.BYTES),
        ]
        return facts + ([Fact(Label.MEMO, memo, Source.BYTES)] if memo else [])


def review_order(
    kind: str,
    ledger_id: bytes,
    fields: Mapping[str, str],
    texts: Mapping[str, Told],
    *,
    host: str,
    payee_known: bool,
    quote: Quote | BridgeQuote | None = None,
    token: Token | None = None,
    more: Sequence[Fact] = (),
) -> Review:
    """Of an order of any type. `more` are facts from elsewhere, each with its own source.

    Raises BytesNotUnderstood for what no ledger carries out, where a text is not the one whose hash the order carries,
    and where a conversion accepts another quote.
    """
    signable = read_order(kind, ledger_id, fields)
    order = order_from_json(kind, fields)
    for name, told in texts.items():
        if text_hash(told.salt, told.text) != getattr(order, name, None):
            raise BytesNotUnderstood(kind, name)
    if quote is not None and quote.digest(ledger_id) != getattr(order, "reference", None):
        raise BytesNotUnderstood(kind, "reference")
    given = Given(texts, host, payee_known, quote, more, token)
    title, facts, cautions = _READERS[type(order)](order, given)
    facts += [*more, Fact(Label.LEDGER, ledger_id.hex()[:16], Source.BYTES)]
    return Review(title, signable.digest, tuple(facts), host, tuple(cautions), payee_known)


Read = tuple[Title, list[Fact], list[Caution]]


def _transfer(order: LedgerTransfer, given: Given) -> Read:
    facts = [*_amount(order), *given.payee(order.payee), *_costs(order), _net(order)]
    return Title.PAY, facts, _cautions(order, given)


def _withdrawal(order: LedgerWithdrawal, given: Given) -> Read:
    memo = given.lines[1]
    facts = [*_amount(order), Fact(Label.DESTINATION, given.texts["destination"].text, Source.BYTES)]
    facts += [Fact(Label.MEMO, memo, Source.BYTES)] if memo else []
    return Title.WITHDRAW, [*facts, *_costs(order), _net(order)], _cautions(order, given)


def _hold(order: LedgerHold, given: Given) -> Read:
    """Reserved now; what the captor takes of it leaves later, without another question."""
    facts = [*_amount(order), *given.payee(order.captor), Fact(Label.UNTIL, moment(order.until), Source.BYTES)]
    return Title.HOLD, [*facts, *_costs(order)], _cautions(order, given)


def _mandate(order: LedgerMandate, given: Given) -> Read:
    total = order.per_period_minor * order.count
    facts = [
        Fact(Label.PER_PERIOD, _money(order, order.per_period_minor), Source.BYTES),
        Fact(Label.PERIOD, period_text(order.period_seconds), Source.BYTES),
        Fact(Label.COUNT, str(order.count), Source.BYTES),
        *given.payee(order.payee),
        Fact(Label.UNTIL, moment(order.until), Source.BYTES),
        Fact(Label.TOTAL, _money(order, total), Source.BYTES),
    ]
    return Title.MANDATE, facts, _cautions(order, given)


def _conversion(order: LedgerConversion, given: Given) -> Read:
    """What is received stands in minor units; where its point stands is in the person's own list of currencies."""
    receive, quote = ISO_4217.get(order.receive_asset), given.quote
    if isinstance(quote, BridgeQuote):
        return _purchase(order, given, quote)
    if (
        receive is None
        or quote is None
        or order.receive_to != bytes(20)
        or order.receive_min_minor > quote.receive_minor
    ):
        raise BytesNotUnderstood(order.type_name, "receiveAsset")
    scale = Fraction(10) ** (order.exponent - receive.exponent)
    worst = Fraction(order.receive_min_minor, max(order.amount_minor, 1)) * scale
    facts = [
        *_amount(order),
        Fact(Label.RECEIVE, f"{decimal_text(order.receive_min_minor, receive.exponent)} {receive.code}", Source.LIST),
        Fact(Label.RATE, _rate_text(worst, order), Source.BYTES),
        Fact(Label.MARKET, _rate_text(quote.market, order), Source.CLAIMED),
        Fact(Label.SPREAD, f"{decimal_text(quote.spread_ppm, 4)} %", Source.CLAIMED),
        *_costs(order),
        Fact(Label.VALID_UNTIL, moment(quote.expires_at), Source.CLAIMED),
        Fact(Label.QUOTE, order.reference.hex()[:16], Source.BYTES),
    ]
    cautions = _cautions(order, given)
    if worst < less_spread(quote.market, RATE_LOSS_USUAL_PPM):
        cautions.append(Caution.RATE_POOR)
    return Title.CONVERT, facts, cautions


def _purchase(order: LedgerConversion, given: Given, quote: BridgeQuote) -> Read:
    """A token that the person's own list names, sent to the address in the bytes."""
    token = given.token
    contract = bytes(20) if token is None or token.address is None else token.address.raw
    if (
        token is None
        or order.receive_asset != chain_asset(token.chain_id, contract)
        or (quote.symbol, quote.decimals) != (token.symbol, token.decimals)
        or order.receive_to == bytes(20)
        or not 0 < order.receive_min_minor <= min(quote.receive_amount, UNITS_MAX)
    ):
        raise BytesNotUnderstood(order.type_name, "receiveAsset")
    scale = Fraction(10) ** (order.exponent - token.decimals)
    worst = Fraction(order.receive_min_minor, max(order.amount_minor, 1)) * scale
    decimals = _RATE_DECIMALS + 6
    facts = [
        *_amount(order),
        Fact(Label.RECEIVE, str(TokenAmount(order.receive_min_minor, token)), Source.LIST),
        Fact(Label.ADDRESS, Address.from_bytes(order.receive_to), Source.BYTES),
        Fact(Label.NETWORK, str(token.chain_id), Source.BYTES),
        Fact(Label.RATE, _token_rate(worst, order, token, decimals), Source.BYTES),
        Fact(Label.MARKET, _token_rate(quote.market, order, token, decimals), Source.CLAIMED),
        Fact(Label.SPREAD, f"{decimal_text(quote.spread_ppm, 4)} %", Source.CLAIMED),
        Fact(Label.FEE, _money(order, quote.fee_minor), Source.CLAIMED),
        Fact(Label.NETWORK_FEE, _money(order, quote.network_fee_minor), Source.CLAIMED),
        *_costs(order),
        Fact(Label.VALID_UNTIL, moment(quote.expires_at), Source.CLAIMED),
        Fact(Label.QUOTE, order.reference.hex()[:16], Source.BYTES),
    ]
    cautions = _cautions(order, given)
    if worst < less_spread(quote.market, RATE_LOSS_USUAL_PPM):
        cautions.append(Caution.RATE_POOR)
    return Title.CONVERT, facts, cautions


def _control(order: LedgerControl, given: Given) -> Read:
    reader = _CONTROLS.get(order.action)
    if reader is None:
        raise BytesNotUnderstood(order.type_name, "action")
    return Title(order.action), reader(order), []


def _key(order: LedgerControl) -> list[Fact]:
    if order.subject[:12] != bytes(12) or order.subject == ZERO_32 or order.value:
        raise BytesNotUnderstood(order.type_name, "subject")
    effect = "in 48 hours" if order.action == "key-add" else "at once"
    return [
        Fact(Label.KEY, Address.from_bytes(order.subject[12:]), Source.BYTES),
        Fact(Label.EFFECT, effect, Source.BYTES),
    ]


def _bare(order: LedgerControl) -> list[Fact]:
    if order.subject != ZERO_32 or order.value:
        raise BytesNotUnderstood(order.type_name, "subject")
    return [Fact(Label.EFFECT, "at once", Source.BYTES)]


def _nonce(order: LedgerControl) -> list[Fact]:
    if order.value:
        raise BytesNotUnderstood(order.type_name, "value")
    return [
        Fact(Label.NONCE, "0x" + order.subject.hex(), Source.BYTES),
        Fact(Label.EFFECT, "at once", Source.BYTES),
    ]


def _limit(order: LedgerControl) -> list[Fact]:
    """Which amounts, of which currency, in which period; when it takes effect depends on what it was before."""
    parts = order.subject.rstrip(b"\0").decode("ascii", "replace").split(":")
    currency = ISO_4217.get(parts[1]) if len(parts) == 3 else None
    if currency is None:
        raise BytesNotUnderstood(order.type_name, "subject")
    return [
        Fact(Label.ABOUT, parts[0], Source.BYTES),
        Fact(Label.PERIOD, parts[2], Source.BYTES),
        Fact(Label.LIMIT, limit_text(order.value, currency.code), Source.LIST),
    ]


_CONTROLS: dict[str, Callable[[LedgerControl], list[Fact]]] = {
    "key-add": _key,
    "key-revoke": _key,
    "freeze": _bare,
    "unfreeze": _bare,
    "limit": _limit,
    "mandate-revoke": _nonce,
    "cancel": _nonce,
}
_READERS: dict[type[Order], Callable[[Any, Given], Read]] = {
    LedgerTransfer: _transfer,
    LedgerWithdrawal: _withdrawal,
    LedgerConversion: _conversion,
    LedgerHold: _hold,
    LedgerMandate: _mandate,
    LedgerControl: _control,
}


def moment(seconds: int) -> str:
    """Unix seconds as a date and time in UTC; what no calendar has stays a number."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def period_text(seconds: int) -> str:
    """`day`, `week`, `month` or a number of seconds."""
    return _PERIOD_NAMES.get(seconds, f"{seconds} s")


def limit_text(limit_minor: int, code: str) -> str:
    """`no limit`, or the amount. Raises CurrencyUnknown."""
    return "no limit" if limit_minor >= NO_LIMIT else f"{decimal_text(limit_minor, ISO_4217[code].exponent)} {code}"


def _money(order: Any, minor: int) -> str:
    return f"{decimal_text(minor, order.exponent)} {order.currency}"


def _amount(order: Any) -> list[Fact]:
    return [Fact(Label.AMOUNT, _money(order, order.amount_minor), Source.BYTES)]


def _costs(order: Any) -> list[Fact]:
    return [
        Fact(Label.FEE_MAX, _money(order, order.total_max_minor - order.amount_minor), Source.BYTES),
        Fact(Label.TOTAL, _money(order, order.total_max_minor), Source.BYTES),
    ]


def _net(order: Any) -> Fact:
    return Fact(Label.NET, _money(order, order.amount_minor), Source.BYTES)


def _cautions(order: Any, given: Given) -> list[Caution]:
    found = [] if given.payee_known else [Caution.FIRST_TIME]
    amount = getattr(order, "amount_minor", None)
    if amount is not None and (order.total_max_minor - amount) * FEE_SHARE_USUAL > amount:
        found.append(Caution.FEE_HIGH)
    return found


def _rate_text(rate: Fraction, order: LedgerConversion) -> str:
    """Cut, never rounded up."""
    units = rate.numerator * 10**_RATE_DECIMALS // rate.denominator
    return f"1 {order.currency} = {decimal_text(units, _RATE_DECIMALS)} {order.receive_asset}"


def _token_rate(rate: Fraction, order: LedgerConversion, token: Token, decimals: int) -> str:
    """Cut, never rounded up."""
    units = rate.numerator * 10**decimals // rate.denominator
    return f"1 {order.currency} = {decimal_text(units, decimals)} {token.symbol}"
