"""What a person is shown before their own account runs another's code (EIP-7702), or no longer does. Pure.

No dApp gets this far: what it asks of that kind is refused (wallet.dapp_params).
"""

from __future__ import annotations

from chain.address import Address
from chain.delegation import NOBODY, Delegation, delegate_of
from chain.errors import AmountTooLarge
from chain.token import Token, TokenAmount
from wallet.errors import BytesNotUnderstood
from wallet.review import Caution, Fact, Known, Label, Review, Source, Title
from wallet.review_effects import party_facts
from wallet.signable import read_delegation

NO_CODE, DELEGATED_CODE, NOBODY_SET = "no code", "a delegated account, whose code does not run", "nobody"
NO_CALL = "not simulated: it calls nothing and moves nothing"


def review_delegation(payload: bytes, known: Known, *, code: bytes, before: bytes, host: str) -> Review:
    """Of `Delegation.payload`. `code` is what the node says of the delegate, `before` of the account.

    Raises BytesNotUnderstood.
    """
    signable, asked = read_delegation(payload), Delegation.decode(payload)
    is_cleared = asked.delegate == NOBODY
    facts = party_facts(Label.ACCOUNT, asked.account, known, "")
    if is_cleared:
        facts.append(Fact(Label.DELEGATION, NOBODY_SET, Source.BYTES))
    else:
        facts += party_facts(Label.DELEGATION, asked.delegate, known, "")
        facts.append(Fact(Label.CODE, code_text(code), Source.CLAIMED, by=host))
    facts.append(Fact(Label.BEFORE, delegate_of(before) or NOBODY_SET, Source.CLAIMED, by=host))
    facts += _frame(asked, known, host)
    title = Title.UNDELEGATE if is_cleared else Title.DELEGATE
    cautions = () if is_cleared else tuple(_cautions(asked.delegate, code, known))
    return Review(title, signable.digest, tuple(facts), host, cautions)


def code_text(code: bytes) -> str:
    """What stands at an address: nothing, a pointer elsewhere, or so many bytes."""
    if not code:
        return NO_CODE
    return DELEGATED_CODE if delegate_of(code) is not None else str(len(code))


def _frame(asked: Delegation, known: Known, host: str) -> list[Fact]:
    """Which chain, who pays what, and the numbers."""
    frame = asked.frame
    try:
        fee = str(TokenAmount(frame.fee_max, Token.native(frame.chain_id)))
    except AmountTooLarge:
        raise BytesNotUnderstood("transaction", "fee") from None
    return [
        Fact(Label.NETWORK, f"{known.networks.get(frame.chain_id, '?')} ({frame.chain_id})", Source.LIST),
        Fact(Label.PAID_BY, frame.sender or "", Source.BYTES),
        Fact(Label.FEE_MAX, fee, Source.BYTES),
        Fact(Label.NONCE, str(frame.nonce), Source.BYTES),
        Fact(Label.NONCE, str(asked.nonce), Source.BYTES, "EIP-7702"),
        Fact(Label.DIGEST, "0x" + asked.authorization_hash.hex(), Source.BYTES, "EIP-7702"),
        Fact(Label.SIMULATED, NO_CALL, Source.BYTES),
        Fact(Label.NODE, host, Source.LIST),
    ]


def _cautions(delegate: Address, code: bytes, known: Known) -> list[Caution]:
    found = [Caution.HANDS_OVER]
    if not code or delegate_of(code) is not None:
        found.append(Caution.CONTRACT_WITHOUT_CODE)
    return [*found, Caution.LOOKS_ALIKE] if known.is_imitation(delegate) else found
