"""Rules as people type them: `10 DUSD`, `transfer(address,uint256)`, `08:00-20:00`, a program's name. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chain.address import Address
from chain.calldata import selector
from chain.errors import CalldataMalformed
from chain.token import Token, TokenAmount
from chain.token_list import TokenList
from fiat.currency import ISO_4217
from fiat.money import Money
from wallet.approvals import Kind
from wallet.asking import is_extension_origin, is_page_origin, program_name
from wallet.errors import AssetUnknown, InputMalformed
from wallet.policy import ANYBODY, NANO, OWN, Limit, Rule, Verdict, Worth
from wallet.term import read_until

FEES_A_DAY = "0.01"
ON_CHAIN = (Kind.TRANSACTION, Kind.CALLS, Kind.TYPED_DATA)
_AMOUNT = re.compile(r"([0-9.]{1,90}) ([A-Za-z0-9.+$_-]{1,20})", re.ASCII)
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_PRICES = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)-([0-9]{1,12}(?:\.[0-9]{1,9})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Typed:
    """As it was typed; empty where it was not. Amounts are `NUMBER TOKEN`, a worth is `NUMBER CURRENCY`."""

    verdict: Verdict
    client: str
    kinds: Sequence[str] = ()
    chain_id: int | None = None
    account: str = ""
    recipients: Sequence[str] = ()
    contracts: Sequence[str] = ()
    functions: Sequence[str] = ()
    up_to: Sequence[str] = ()
    a_day: Sequence[str] = ()
    over: Sequence[str] = ()
    worth_a_day: str = ""
    token: str = ""
    price: str = ""
    fees: str = ""
    hours: str = ""
    since: str = ""
    until: str = ""
    simulated: bool = True
    note: str = ""


def rule_of(typed: Typed, chain_id: int, tokens: TokenList, now: int) -> Rule:
    """The rule that is meant, numbered r1. `chain_id` is the chain in use, which is meant where none is named.

    Raises InputMalformed, AssetUnknown, AmountError, AddressMalformed.
    """
    kinds = tuple(Kind(kind) for kind in typed.kinds)
    is_allowing = typed.verdict is Verdict.ALLOW
    amounts = (*typed.up_to, *typed.a_day, *typed.over, typed.worth_a_day)
    is_on_chain = any(amounts) or (is_allowing and not set(kinds).isdisjoint(ON_CHAIN))
    chain = typed.chain_id or (chain_id if is_on_chain else None)
    limits = _limits(typed, chain or chain_id, tokens)
    has_coin = any(limit.token.is_native for limit in limits)
    pays_fees = is_allowing and not has_coin and not {Kind.TRANSACTION, Kind.CALLS}.isdisjoint(kinds)
    fees = typed.fees or (FEES_A_DAY if pays_fees else "")
    return Rule(
        "r1",
        typed.verdict,
        client_key(typed.client),
        kinds,
        chain,
        Address(typed.account) if typed.account else None,
        tuple(map(Address, typed.recipients)),
        tuple(map(Address, typed.contracts)),
        tuple(map(_selector, typed.functions)),
        limits,
        TokenAmount.parse(fees, Token.native(chain or chain_id)).units if fees else 0,
        _hours(typed.hours) if typed.hours else None,
        read_until(typed.since, now) if typed.since else None,
        read_until(typed.until, now) if typed.until else None,
        typed.simulated,
        typed.note,
    )


def client_key(text: str) -> str:
    """An origin, `tandem`, `*`, or the name of a program that was paired. Raises InputMalformed."""
    if text in (ANYBODY, OWN) or is_page_origin(text) or is_extension_origin(text):
        return text
    if "/" in text:
        raise InputMalformed("client", text[:80], "who asks")
    return f"program:{program_name(text.removeprefix('program:'))}"


def _limits(typed: Typed, chain_id: int, tokens: TokenList) -> tuple[Limit, ...]:
    """One for each token, with everything that was said of it."""
    found: dict[Address | None, Limit] = {}

    def limit_of(token: Token) -> Limit:
        return found.get(token.address, Limit(token))

    for text in (*typed.up_to, *typed.over):
        amount = _amount(text, chain_id, tokens)
        found[amount.token.address] = replace(limit_of(amount.token), up_to=amount.units)
    for text in typed.a_day:
        amount = _amount(text, chain_id, tokens)
        found[amount.token.address] = replace(limit_of(amount.token), a_day=amount.units)
    if typed.worth_a_day or typed.price or typed.token:
        if not (typed.worth_a_day and typed.price and typed.token):
            raise InputMalformed("amount", typed.worth_a_day[:80], "one price range for each amount in fiat")
        token = _token(typed.token, chain_id, tokens)
        found[token.address] = replace(limit_of(token), worth=_worth(typed.worth_a_day, typed.price))
    return tuple(found.values())


def _amount(text: str, chain_id: int, tokens: TokenList) -> TokenAmount:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise InputMalformed("amount", text[:80], "an amount and a token are expected")
    return TokenAmount.parse(match[1], _token(match[2], chain_id, tokens))


def _token(symbol: str, chain_id: int, tokens: TokenList) -> Token:
    """Listed ones alone, and the chain's own coin: a rule keeps address and decimals as they are now."""
    coin = Token.native(chain_id, name="")
    if symbol.casefold() == coin.symbol.casefold():
        return coin
    found = tokens.by_symbol(chain_id, symbol)
    if found is None:
        raise AssetUnknown(symbol[:40], [coin.symbol, *(token.symbol for token in tokens.on_chain(chain_id))])
    return replace(found, name="")


def _worth(amount: str, price: str) -> Worth:
    match = _AMOUNT.fullmatch(amount)
    currency = ISO_4217.get(match[2]) if match else None
    if match is None or currency is None:
        raise InputMalformed("amount", amount[:80], "an amount and a token are expected")
    bounds = _PRICES.fullmatch(price)
    if bounds is None:
        raise InputMalformed("price", price[:80], "the lower bound comes first")
    minor = Money.parse(match[1], currency).minor
    return Worth(currency.code, currency.exponent, minor, _nano(bounds[1]), _nano(bounds[2]))


def _nano(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * NANO + int(fraction.ljust(9, "0"))


def _selector(text: str) -> str:
    """Four bytes in hex, or of a function as Solidity writes it."""
    if re.fullmatch(r"0x[0-9a-fA-F]{8}", text, re.ASCII):
        return text.lower()
    try:
        if not re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*\([A-Za-z0-9_$,()\[\]]*\)", text, re.ASCII):
            raise CalldataMalformed("signature")
        return "0x" + selector(text).hex()
    except CalldataMalformed:
        raise InputMalformed("selector", text[:80], "0x and eight hex digits") from None


def _hours(text: str) -> tuple[int, int]:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise InputMalformed("hours", text[:40], "08:00-20:00 is an example, in UTC")
    begins, ends = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    return (begins, ends)
