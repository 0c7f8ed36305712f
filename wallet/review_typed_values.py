"""What a person is shown before they sign typed values of the first version (an array without a domain). Pure."""

from __future__ import annotations

from chain.address import Address
from wallet.plain_text import LINE_LENGTH, LINES_MAX, is_hiding, visible
from wallet.review import Caution, Fact, Label, Review, Source, Title
from wallet.review_typed_data import atom_text
from wallet.signable_values import parse_typed_values


def review_typed_values(document: str, *, account: Address, origin: str) -> Review:
    """Every value by its name. Raises BytesNotUnderstood."""
    typed = parse_typed_values(document)
    told: list[Fact] = []
    for value in typed.values:
        text = visible(atom_text(value.value))
        parts = [text[at : at + LINE_LENGTH] for at in range(0, max(len(text), 1), LINE_LENGTH)]
        told += [Fact(Label.MEMBER, part, Source.BYTES, visible(value.path)) for part in parts]
    cautions = [Caution.NO_DOMAIN]
    if len(told) > LINES_MAX:
        cautions.append(Caution.TOO_LONG)
    if any(isinstance(value.value, str) and is_hiding(value.value) for value in typed.values):
        cautions.append(Caution.HIDDEN_CHARACTERS)
    facts = (
        Fact(Label.ASKED_BY, visible(origin), Source.LIST),
        Fact(Label.KEY, account, Source.LIST),
        *told[:LINES_MAX],
        Fact(Label.DIGEST, "0x" + typed.digest.hex(), Source.BYTES),
    )
    return Review(Title.TYPED_DATA, typed.digest, facts, origin, tuple(cautions))
