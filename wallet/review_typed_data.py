"""What a person is shown before they sign typed data (EIP-712) that a dApp asks for. Pure.

Everything is rendered from the declared types, in their order: exactly what is hashed. Members that no type declares
are not signed and therefore not shown.
"""

from __future__ import annotations

from chain.address import Address
from chain.typed_data import Atom, TypedData
from wallet.plain_text import LINE_LENGTH, LINES_MAX, is_hiding, visible
from wallet.review import Caution, Fact, Known, Label, Refusal, Review, Source, Title
from wallet.signable import is_ledger_domain, parse_typed_data


def review_typed_data(document: str, *, account: Address, known: Known, origin: str, host: str) -> Review:
    """Of the JSON that eth_signTypedData_v4 takes. Raises BytesNotUnderstood for types or values that are malformed.

    `origin` is who asks, `host` our server's.
    """
    typed = parse_typed_data(document)
    members, is_whole = _members(typed)
    warnings = [] if is_whole else [Caution.TOO_LONG]
    if typed.oddities:
        warnings.append(Caution.ADDRESS_ODD)
    if any(isinstance(leaf.value, str) and is_hiding(leaf.value) for leaf in (*typed.domain, *typed.message)):
        warnings.append(Caution.HIDDEN_CHARACTERS)
    facts = (
        Fact(Label.ASKED_BY, visible(origin), Source.LIST),
        Fact(Label.KEY, account, Source.LIST),
        Fact(Label.TYPE, typed.primary_type, Source.BYTES),
        *members,
        Fact(Label.DOMAIN_HASH, "0x" + typed.domain_separator.hex(), Source.BYTES),
        Fact(Label.MESSAGE_HASH, "0x" + typed.message_hash.hex(), Source.BYTES),
        Fact(Label.EIP712_DIGEST, "0x" + typed.digest.hex(), Source.BYTES),
    )
    refused = Refusal.LEDGER_DOMAIN if is_ledger_domain(typed) else None
    return Review(Title.TYPED_DATA, typed.digest, facts, origin, tuple(warnings), refused=refused)


def _members(typed: TypedData) -> tuple[list[Fact], bool]:
    """Every declared member by its path, domain first; was that everything?"""
    told: list[Fact] = []
    for label, leaves in ((Label.DOMAIN, typed.domain), (Label.MEMBER, typed.message)):
        for leaf in leaves:
            value = visible(atom_text(leaf.value))
            parts = [value[at : at + LINE_LENGTH] for at in range(0, max(len(value), 1), LINE_LENGTH)]
            about = leaf.path.partition(".")[2]
            told += [Fact(label, part, Source.BYTES, about) for part in parts]
            if len(told) > LINES_MAX:
                return told[:LINES_MAX], False
    return told, True


def atom_text(value: Atom) -> str:
    """A declared value as people read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
