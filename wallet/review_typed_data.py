"""What a person is shown before they sign typed data (EIP-712) that a dApp asks for. Pure.

Everything is rendered from the declared types, in their order: exactly what is hashed. Members that no type declares
are not signed and therefore not shown.
"""

from __future__ import annotations

from chain.address import Address
from chain.deadline import NEVER, Deadline
from chain.effects import Act, Effect
from chain.typed_atoms import Atom
from chain.typed_data import TypedData
from chain.typed_permits import effects_of_typed, is_permit2
from wallet.descriptions import screen_cautions, screen_facts, screen_of_message
from wallet.plain_text import LINES_MAX, is_hiding, parts, visible
from wallet.review import Caution, Fact, Known, Label, Refusal, Review, Source, Title
from wallet.review_effects import PERMIT2, Scene, effect_cautions, effect_facts
from wallet.signable import is_ledger_domain, parse_typed_data

_TYPE_LINES_MAX = 20


def review_typed_data(
    document: str,
    *,
    account: Address,
    known: Known,
    origin: str,
    host: str,
    chain_id: int | None = None,
    now: int = 0,
    deadline: Deadline = NEVER,
) -> Review:
    """Of the JSON that eth_signTypedData_v4 takes. Raises BytesNotUnderstood for types or values that are malformed.

    `origin` is who asks, `host` our server's. `chain_id` is the chain in use: a domain of another is warned of. `now`
    in Unix seconds: without it every end counts as far away. What is not read by the deadline is malformed.
    """
    typed = parse_typed_data(document, deadline)
    signed_for = typed.domain_value("chainId")
    chain = signed_for if isinstance(signed_for, int) else None
    scene = Scene(known, chain or 0, account, now)
    effects = effects_of_typed(typed, account)
    told, warnings = _effects(effects, scene)
    screen = screen_of_message(typed, scene)
    if screen is not None:
        told = screen_facts(screen, "", is_brief=bool(effects)) + told
        warnings += screen_cautions(screen)
    members, is_whole = _members(typed)
    warnings += _cautions(typed, chain, chain_id, is_effective=bool(effects))
    if not is_whole or len(told) > LINES_MAX:
        warnings.append(Caution.TOO_LONG)
    facts = (
        Fact(Label.ASKED_BY, visible(origin), Source.LIST),
        Fact(Label.KEY, account, Source.LIST),
        *_types(typed),
        *told[:LINES_MAX],
        *members,
        Fact(Label.DOMAIN_HASH, "0x" + typed.domain_separator.hex(), Source.BYTES),
        Fact(Label.MESSAGE_HASH, "0x" + typed.message_hash.hex(), Source.BYTES),
        Fact(Label.EIP712_DIGEST, "0x" + typed.digest.hex(), Source.BYTES),
    )
    refused = Refusal.LEDGER_DOMAIN if is_ledger_domain(typed) else None
    title = Title.PERMIT if any(effect.act is not Act.REVOKE for effect in effects) else Title.TYPED_DATA
    return Review(title, typed.digest, facts, origin, tuple(dict.fromkeys(warnings)), refused=refused)


def _effects(effects: tuple[Effect, ...], scene: Scene) -> tuple[list[Fact], list[Caution]]:
    """What a contract may do with the signature; several are numbered."""
    facts: list[Fact] = []
    warnings: list[Caution] = []
    for number, effect in enumerate(effects, 1):
        facts += effect_facts(effect, scene, str(number) if len(effects) > 1 else "")
        warnings += effect_cautions(effect, scene)
    return facts, warnings


def _cautions(typed: TypedData, chain: int | None, chain_id: int | None, *, is_effective: bool) -> list[Caution]:
    """What is unusual about the document itself."""
    found = []
    if chain is not None and chain_id not in (None, chain):
        found.append(Caution.DOMAIN_CHAIN)
    if is_effective and chain is None:
        found.append(Caution.DOMAIN_WITHOUT_CHAIN)
    if is_permit2(typed) and typed.domain_value("verifyingContract") != PERMIT2:
        found.append(Caution.PERMIT2_IMITATED)
    if typed.oddities:
        found.append(Caution.ADDRESS_ODD)
    if any(isinstance(leaf.value, str) and is_hiding(leaf.value) for leaf in (*typed.domain, *typed.message)):
        found.append(Caution.HIDDEN_CHARACTERS)
    return found


def _types(typed: TypedData) -> list[Fact]:
    """What the signature is bound to, as the standard writes types: same names of other types are another thing."""
    lines = parts(typed.encode_type(typed.primary_type))
    return [Fact(Label.TYPE, part, Source.BYTES) for part in lines[:_TYPE_LINES_MAX]]


def _members(typed: TypedData) -> tuple[list[Fact], bool]:
    """Every declared member by its path, domain first; was that everything?"""
    told: list[Fact] = []
    for label, leaves in ((Label.DOMAIN, typed.domain), (Label.MEMBER, typed.message)):
        for leaf in leaves:
            about = leaf.path.partition(".")[2]
            told += [Fact(label, part, Source.BYTES, about) for part in parts(visible(atom_text(leaf.value)))]
            if len(told) > LINES_MAX:
                return told[:LINES_MAX], False
    return told, True


def atom_text(value: Atom) -> str:
    """A declared value as people read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
