"""What ERC-7730 descriptors add to a review: names for what the bytes say. Pure.

A bound descriptor speaks for its own contracts on its own chains; an interface (ERC-20, ERC-2612) for tokens of the
person's list alone. Facts made so are *from the list*, and every argument stays beside them *from the bytes*.
"""

from __future__ import annotations

from chain.address import Address
from chain.calls import Call
from chain.clear_signing import Container, Lexicon, Screen, show_call, show_message
from chain.descriptor import Descriptor
from chain.errors import AmountTooLarge, CalldataMalformed, DescriptorMalformed
from chain.fragment import Fragment
from chain.typed_data import TypedData
from wallet.plain_text import parts, visible
from wallet.review import Caution, Fact, Label, Source
from wallet.review_effects import Scene


def screen_of_call(call: Call, scene: Scene) -> tuple[Screen, Fragment] | None:
    """Of one call, if a descriptor knows its contract and function and fits its bytes. Never of a delegatecall."""
    if call.to is None or call.is_delegate:
        return None
    container = Container(call.sender, call.to, call.value, scene.chain_id)
    for descriptor in scene.known.descriptors:
        found = descriptor.calls.get(call.data[:4])
        if found is None or found.fragment is None or not _speaks_for(descriptor, call.to, scene):
            continue
        try:
            screen = show_call(descriptor, call.data, container, _lexicon(scene))
        except (DescriptorMalformed, CalldataMalformed, AmountTooLarge):
            continue
        if screen is not None:
            return screen, found.fragment
    return None


def screen_of_message(typed: TypedData, scene: Scene) -> Screen | None:
    """Of typed data, if a descriptor knows its domain and types."""
    contract = typed.domain_value("verifyingContract")
    for descriptor in scene.known.descriptors:
        if not isinstance(contract, Address) or not _speaks_for(descriptor, contract, scene):
            continue
        try:
            screen = show_message(descriptor, typed, scene.account, _lexicon(scene))
        except (DescriptorMalformed, AmountTooLarge):
            continue
        if screen is not None:
            return screen
    return None


def screen_facts(screen: Screen, about: str, *, is_brief: bool = False) -> list[Fact]:
    """Whose contract, what for, and the labelled lines; `is_brief` is what for alone, where effects say the rest."""
    intent = [Fact(Label.INTENT, part, Source.LIST, about) for part in parts(visible(screen.intent)) if part]
    if is_brief:
        return intent
    name = " · ".join(text for text in (screen.owner, screen.contract_name) if text)
    facts = [Fact(Label.DESCRIBED_AS, name, Source.LIST, about)] if name else []
    facts += intent
    for line in screen.lines:
        named = f"{about} {line.label}".strip()
        facts += [Fact(Label.FIELD, part, Source.LIST, named) for part in parts(visible(line.value))]
    return facts


def screen_cautions(screen: Screen) -> list[Caution]:
    return [] if all(line.is_complete for line in screen.lines) else [Caution.TOKEN_UNLISTED]


def _speaks_for(descriptor: Descriptor, contract: Address, scene: Scene) -> bool:
    if descriptor.is_interface:
        return scene.known.tokens.by_address(scene.chain_id, contract) is not None
    return descriptor.is_for(scene.chain_id, contract)


def _lexicon(scene: Scene) -> Lexicon:
    return Lexicon(scene.known.tokens, scene.known.names, scene.known.networks)
