"""Rules in words: a line of a table, and in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from chain.token import Token, TokenAmount
from fiat.money import decimal_text
from wallet.cli.policy_words import KINDS, VERDICTS
from wallet.policy import ANYBODY, NANO, OWN, Limit, Rule, Verdict
from wallet.texts import _


def brief(rule: Rule) -> tuple[str, ...]:
    """Number, verdict, client, kinds, amounts, end."""
    kinds = ", ".join(_(KINDS[kind]) for kind in rule.kinds) or _("everything")
    chain = f" ({rule.chain_id})" if rule.chain_id else ""
    amounts = "; ".join(_limit_text(limit, rule.verdict) for limit in rule.limits)
    return (rule.id, _(VERDICTS[rule.verdict]), client_text(rule.client), kinds + chain, amounts, _moment(rule.until))


def about(rule: Rule, used: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """Names and values, what is not said left out. `used` by what is counted, as the signer tells it."""
    yield _("Says"), _(VERDICTS[rule.verdict])
    yield _("Who"), client_text(rule.client)
    yield _("What"), ", ".join(_(KINDS[kind]) for kind in rule.kinds) or _("everything")
    if rule.chain_id is not None:
        yield _("Chain"), str(rule.chain_id)
    if rule.account is not None:
        yield _("Account"), rule.account
    for name, values in (
        (_("Recipient"), rule.recipients),
        (_("Contract"), rule.contracts),
        (_("Function"), rule.selectors),
    ):
        for value in values:
            yield name, value
    for limit in rule.limits:
        yield _("Amount"), _limit_text(limit, rule.verdict)
        yield from _used(limit, used or {})
    if rule.fees_a_day:
        yield _("Fees"), _("{amount} a day").format(amount=_coins(rule.fees_a_day, rule.chain_id))
        if used and "fees" in used:
            yield _("Used"), _coins(int(used["fees"]), rule.chain_id)
    if rule.hours is not None:
        begins, ends = (f"{minute // 60:02}:{minute % 60:02}" for minute in rule.hours)
        yield _("Hours (UTC)"), f"{begins}-{ends}"
    if rule.since is not None:
        yield _("From"), _moment(rule.since)
    if rule.until is not None:
        yield _("Until"), _moment(rule.until)
    if rule.verdict is Verdict.ALLOW and not rule.simulated:
        yield _("Simulation"), _("not needed")
    if rule.note:
        yield _("Note"), rule.note


def client_text(client: str) -> str:
    if client == ANYBODY:
        return _("everybody")
    return _("you (tandem)") if client == OWN else client


def _limit_text(limit: Limit, verdict: Verdict) -> str:
    said = []
    if limit.up_to is not None:
        text = _("up to {amount} at once") if verdict is Verdict.ALLOW else _("more than {amount}")
        said.append(text.format(amount=_amount(limit, limit.up_to)))
    if limit.a_day is not None:
        said.append(_("{amount} a day").format(amount=_amount(limit, limit.a_day)))
    if limit.worth is not None:
        worth = limit.worth
        amount = f"{decimal_text(worth.a_day_minor, worth.exponent)} {worth.currency}"
        bounds = f"{_price(worth.price_min)}-{_price(worth.price_max)}"
        text = _("worth {amount} a day, while {token} is at {bounds}")
        said.append(text.format(amount=amount, token=limit.token.symbol, bounds=bounds))
    return ", ".join(said)


def _used(limit: Limit, used: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    name = str(limit.token.address or "coin")
    if name in used:
        yield _("Used"), _amount(limit, int(used[name]))
    if limit.worth is not None and (key := f"{name} {limit.worth.currency}") in used:
        yield _("Used"), f"{decimal_text(int(used[key]), limit.worth.exponent)} {limit.worth.currency}"


def _amount(limit: Limit, units: int) -> str:
    return str(TokenAmount(units, limit.token))


def _coins(units: int, chain_id: int | None) -> str:
    return str(TokenAmount(units, Token.native(chain_id or 1)))


def _price(nano: int) -> str:
    fraction = str(nano % NANO).rjust(9, "0").rstrip("0")
    return f"{nano // NANO}.{fraction}" if fraction else str(nano // NANO)


def _moment(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(min(at, 2**35), UTC).strftime("%Y-%m-%d %H:%M")
