"""What moves or may be taken, in words of a review, with what is unusual about it. Pure.

An amount's digits are in the bytes; which token it is, and where its point stands, is in the person's list: such a fact
is *from the list*. A token that is not listed keeps its bare units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from chain.address import Address
from chain.effects import Act, Effect
from chain.methods import Standard
from chain.token import Token, TokenAmount
from wallet.review import Caution, Fact, Known, Label, Source

LASTING_SECONDS = 30 * 86_400
"""An allowance that ends within thirty days is not called lasting."""
PERMIT2 = Address("0x000000000022D473030F116dDEE9F6B43aC78BA3")
UNLIMITED, NEVER, EVERYTHING = "unlimited", "has no end", "everything of this contract"
_LABELS = {
    Act.TRANSFER: Label.MOVES,
    Act.ALLOW: Label.ALLOWED,
    Act.ALLOW_ALL: Label.ALLOWED,
    Act.ALLOW_MORE: Label.ALLOWED_MORE,
    Act.ALLOW_LESS: Label.ALLOWED_LESS,
    Act.REVOKE: Label.REVOKED,
    Act.WRAP: Label.WRAPPED,
    Act.UNWRAP: Label.UNWRAPPED,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where effects are looked at: what the person knows, the chain, whose account signs, and when (Unix seconds)."""

    known: Known
    chain_id: int
    account: Address
    now: int


def effect_facts(effect: Effect, scene: Scene, about: str) -> list[Fact]:
    """Amount, other party, owner where it is not the account that signs, token, and until when."""
    token = scene.known.tokens.by_address(scene.chain_id, effect.contract)
    value, source = _amount(effect, token)
    facts = [Fact(_LABELS[effect.act], value, source, about)]
    if effect.act not in (Act.WRAP, Act.UNWRAP):
        label = Label.RECEIVER if effect.act is Act.TRANSFER else Label.SPENDER
        facts += party_facts(label, effect.party, scene.known, about)
    if effect.owner != scene.account:
        facts.append(Fact(Label.OWNER, effect.owner, Source.BYTES, about))
    facts.append(Fact(Label.TOKEN, effect.contract, Source.BYTES, about))
    if effect.is_allowance:
        facts.append(Fact(Label.UNTIL, until(effect.ends), Source.BYTES, about))
    return facts


def effect_cautions(effect: Effect, scene: Scene) -> list[Caution]:
    """What is unusual about this effect alone."""
    known, found = scene.known, []
    if known.tokens.by_address(scene.chain_id, effect.contract) is None:
        found.append(Caution.TOKEN_UNLISTED)
    if effect.act is Act.ALLOW_ALL:
        found.append(Caution.ALLOWANCE_ALL)
    elif effect.is_unlimited:
        found.append(Caution.ALLOWANCE_UNLIMITED)
    if effect.is_allowance:
        if effect.ends is None or effect.ends > scene.now + LASTING_SECONDS:
            found.append(Caution.ALLOWANCE_LASTING)
        if known.is_stranger(effect.party) and effect.party != PERMIT2:
            found.append(Caution.SPENDER_STRANGER)
        if known.is_imitation(effect.party):
            found.append(Caution.LOOKS_ALIKE)
    if effect.act is Act.TRANSFER:
        found += receiver_cautions(effect.party, known)
        if effect.party.is_zero or effect.party == effect.contract:
            found.append(Caution.LOST)
    return found


def receiver_cautions(receiver: Address, known: Known) -> list[Caution]:
    """Of somebody who is paid on a dApp's word."""
    if known.is_imitation(receiver):
        return [Caution.FIRST_PAYMENT, Caution.LOOKS_ALIKE]
    return [Caution.FIRST_PAYMENT] if known.is_stranger(receiver) else []


def party_facts(label: Label, party: Address, known: Known, about: str) -> list[Fact]:
    """The whole address, and beside it what the person calls it."""
    facts = [Fact(label, party, Source.BYTES, about)]
    name = known.names.get(party) or ("Permit2" if party == PERMIT2 else "")
    return [*facts, Fact(label, name, Source.LIST, about)] if name else facts


def until(ends: int | None) -> str:
    """A moment in UTC; a number that no calendar has stays a number."""
    if ends is None:
        return NEVER
    try:
        return datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return str(ends)


def _amount(effect: Effect, token: Token | None) -> tuple[str, Source]:
    if effect.act is Act.ALLOW_ALL or (effect.act is Act.REVOKE and effect.units is None):
        return EVERYTHING, Source.BYTES
    if effect.number is not None:
        piece = f"#{effect.number}"
        return (f"{effect.units} × {piece}" if effect.units is not None else piece), Source.BYTES
    units = effect.units or 0
    if effect.is_unlimited:
        return UNLIMITED, Source.BYTES
    if token is not None:
        return str(TokenAmount(units, token)), Source.LIST
    # The same bytes are an amount to one standard and the number of a piece to the other: say both.
    bare = f"{units} / 10^?"
    return (f"{bare}, #{units}" if effect.standard is Standard.TOKEN else bare), Source.BYTES
