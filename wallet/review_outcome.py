"""A node's simulation in words of a review, and what came otherwise afterwards. Pure.

Every fact of it is the node's claim. What is signed is the bytes: a simulation only says what they would do now.
"""

from __future__ import annotations

from collections.abc import Iterable

from chain.address import Address
from chain.effects import Effect, is_boundless
from chain.outcome import Difference, Grant, Method, Movement, Outcome
from chain.token import UNITS_MAX, Token, TokenAmount
from wallet.plain_text import visible
from wallet.review import Caution, Fact, Label, Source
from wallet.review_effects import EVERYTHING, UNLIMITED, Scene

_EVENTS_MAX = 40
NO_REASON = "it gives no reason"
NODE_CANNOT = "not simulated: the node cannot"
NO_NODE = "not simulated: no node was asked"
STOPPED = "the batch stopped before it"
"""Said in so many words: a review without a simulation must not look like one in which nothing else happens."""


def outcome_facts(outcome: Outcome, scene: Scene, node: str) -> list[Fact]:
    """How it was simulated; whether it would fail; what comes, goes, and may be taken afterwards."""
    if outcome.method is Method.NONE:
        return [_claim(Label.SIMULATED, NODE_CANNOT, node)]
    facts = [_claim(Label.SIMULATED, outcome.method, node)]
    if outcome.succeeded is False:
        reason = visible(outcome.reason) if outcome.reason else NO_REASON
        return [*facts, _claim(Label.WOULD_FAIL, reason, node)]
    for token, units in outcome.changes(scene.account).items():
        label = Label.COMES if units > 0 else Label.GOES
        facts.append(_claim(label, amount_text(token, abs(units), scene), node, token or ""))
    for movement in outcome.movements:
        if movement.number is not None and movement.token is not None:
            label = Label.COMES if movement.receiver == scene.account else Label.GOES
            facts.append(_claim(label, _piece(movement), node, movement.token))
    facts += [_grant_fact(outcome, grant, scene, node) for grant in outcome.grants]
    return facts[:_EVENTS_MAX]


def outcome_cautions(outcome: Outcome, effects: Iterable[Effect]) -> list[Caution]:
    """Not simulated, bound to fail, or letting somebody take what the bytes do not speak of."""
    if outcome.method is Method.NONE:
        return [Caution.NOT_SIMULATED]
    if not outcome.succeeded:
        return [Caution.WOULD_FAIL]
    told = {(effect.contract, effect.party) for effect in effects if effect.is_allowance}
    hidden = [g for g in outcome.grants if g.units != 0 and (g.token, g.spender) not in told]
    return [Caution.GRANT_HIDDEN] if hidden or len(outcome.grants) > _EVENTS_MAX else []


def drift_facts(differences: Iterable[Difference], scene: Scene, node: str) -> list[Fact]:
    """What was foreseen and did not come, and what came unforeseen."""
    facts = []
    for difference in differences:
        label = Label.FORESEEN if difference.was_foreseen else Label.UNFORESEEN
        facts.append(_claim(label, _event_text(difference.event, scene), node))
    return facts[:_EVENTS_MAX]


def unsent_fact() -> Fact:
    """Of a call of a batch that was signed and kept back: what this program did, whatever any node had foreseen."""
    return Fact(Label.UNSENT, STOPPED, Source.LIST)


def amount_text(token: Address | None, units: int, scene: Scene) -> str:
    """With the list's name and decimals, or bare units; a node may well claim more than any token can count."""
    known = Token.native(scene.chain_id) if token is None else scene.known.tokens.by_address(scene.chain_id, token)
    return str(TokenAmount(units, known)) if known and units <= UNITS_MAX else f"{units} / 10^?"


def _grant_fact(outcome: Outcome, grant: Grant, scene: Scene, node: str) -> Fact:
    span = outcome.allowances.get((grant.token, grant.spender)) if grant.number is None and grant.via is None else None
    units = span.after if span else grant.units
    return _claim(Label.ALLOWED_AFTER, _grant_text(grant, units, scene), node, grant.spender)


def _grant_text(grant: Grant, units: int | None, scene: Scene) -> str:
    if grant.number is not None:
        return f"#{grant.number}"
    if units is None:
        return EVERYTHING
    return UNLIMITED if is_boundless(units) else amount_text(grant.token, units, scene)


def _piece(movement: Movement) -> str:
    return f"#{movement.number}" if movement.units is None else f"{movement.units} × #{movement.number}"


def _event_text(event: Movement | Grant | None, scene: Scene) -> str:
    if event is None:
        return "success"
    if isinstance(event, Grant):
        return f"{_grant_text(event, event.units, scene)} → {event.spender}"
    text = _piece(event) if event.number is not None else amount_text(event.token, event.units or 0, scene)
    return f"{text}: {event.sender} → {event.receiver}"


def _claim(label: Label, value: str, node: str, about: str = "") -> Fact:
    return Fact(label, value, Source.CLAIMED, about, node)
