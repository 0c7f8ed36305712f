"""Two nodes asked the same: where they disagree, both answers stand in the review, each as its node's claim. Pure.

Neither is believed more than the other; one that lies, or is behind, is seen as long as the other is honest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from chain.address import Address
from chain.keccak import keccak256
from chain.outcome import Method, Outcome
from chain.token import Token, TokenAmount
from wallet.review import Caution, Fact, Label, Review, Source
from wallet.review_effects import EVERYTHING, Scene
from wallet.review_outcome import amount_text

AGREES, AWAY, DISAGREES = "it agrees", "it does not answer: nothing was cross-checked", "it disagrees"
NOTHING, FAILS, WORKS = "nothing", "it would fail", "success"


@dataclass(frozen=True, slots=True)
class Witness:
    """What one node says. `block` is the hash at the height that both were asked for ("" where it has none);
    a token whose contract does not answer is not in `balances`."""

    host: str
    chain_id: int
    block: str = ""
    balances: Mapping[Token, int] = field(default_factory=dict)
    code: Mapping[Address, bytes] = field(default_factory=dict)
    outcome: Outcome | None = None


Pair = tuple[str, str, str]
"""What it is about, what the first says, what the second says."""


def with_second(shown: Review, first: Witness, second: Witness | None, away: str, scene: Scene) -> Review:
    """The review with what the second node makes of it; `away` is that node's host, `second` None: it is away."""
    if second is None:
        return replace(shown, facts=(*shown.facts, Fact(Label.SECOND_NODE, AWAY, Source.CLAIMED, by=away)))
    found = list(differences(first, second, scene))
    verdict = Fact(Label.SECOND_NODE, DISAGREES if found else AGREES, Source.CLAIMED, by=second.host)
    told = [
        Fact(Label.SAYS, value, Source.CLAIMED, about, host)
        for about, *values in found
        for value, host in zip(values, (first.host, second.host), strict=True)
    ]
    cautions = (*shown.cautions, Caution.NODES_DISAGREE) if found else shown.cautions
    return replace(shown, facts=(*shown.facts, verdict, *told), cautions=tuple(dict.fromkeys(cautions)))


def differences(first: Witness, second: Witness, scene: Scene) -> Iterator[Pair]:
    """Where they contradict each other; what only one of them can tell is no contradiction."""
    if first.chain_id != second.chain_id:
        yield "chain", str(first.chain_id), str(second.chain_id)
        return
    if first.block != second.block:
        yield "block", first.block or NOTHING, second.block or NOTHING
    for token in first.balances:
        one, other = first.balances[token], second.balances.get(token)
        if one != other:
            known = NOTHING if other is None else str(TokenAmount(other, token))
            yield f"balance {token.symbol}", str(TokenAmount(one, token)), known
    for address in first.code:
        if first.code[address] != second.code.get(address, b""):
            yield f"code {address}", _code(first.code[address]), _code(second.code.get(address, b""))
    yield from _outcomes(first.outcome, second.outcome, scene)


def _outcomes(one: Outcome | None, other: Outcome | None, scene: Scene) -> Iterator[Pair]:
    """Success, what the account has more or less, and who may take from it then."""
    if one is None or other is None or Method.NONE in (one.method, other.method):
        return
    if one.succeeded is not other.succeeded:
        yield "simulation", _verdict(one), _verdict(other)
        return
    before, after = one.changes(scene.account), other.changes(scene.account)
    for token in {**before, **after}:
        if before.get(token, 0) != after.get(token, 0):
            told = _change(token, before.get(token, 0), scene), _change(token, after.get(token, 0), scene)
            yield "simulation", *told
    allowed, allowed_by_other = _allowed(one), _allowed(other)
    for key in {**allowed, **allowed_by_other}:
        first, second = allowed.get(key, NOTHING), allowed_by_other.get(key, NOTHING)
        if first != second:
            yield f"simulation {key[1]}", first, second


def _verdict(outcome: Outcome) -> str:
    return WORKS if outcome.succeeded else FAILS


def _allowed(outcome: Outcome) -> dict[tuple[Address, Address], str]:
    """By token and spender, in bare units."""
    return {(g.token, g.spender): EVERYTHING if g.units is None else str(g.units) for g in outcome.grants}


def _change(token: Address | None, units: int, scene: Scene) -> str:
    return f"{'-' if units < 0 else '+'}{amount_text(token, abs(units), scene)}"


def _code(code: bytes) -> str:
    return f"{len(code)} · 0x{keccak256(code).hex()[:16]}" if code else NOTHING
