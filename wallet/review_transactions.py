"""What a person is shown before they sign a transaction: their own transfer, or whatever a dApp asks for. Pure.

Every call is decoded to the bottom and every argument shown; what is not understood says so and needs a typed word.
What the node said (code, simulation) is handed in as `Observed` and stays marked as the node's claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chain.address import Address
from chain.calls import MULTISENDS, Call, unfold
from chain.delegation import delegate_of
from chain.digests import calldata_digest
from chain.effects import Act, Effect, effects_of
from chain.errors import AmountTooLarge
from chain.fragment import Argument
from chain.methods import Standard
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from wallet.errors import BytesNotUnderstood
from wallet.plain_text import LINE_LENGTH, LINES_MAX, visible
from wallet.review import Caution, Fact, Known, Label, Review, Source, Title
from wallet.review_effects import Scene, effect_cautions, effect_facts, party_facts, receiver_cautions
from wallet.signable import read_transaction

_PAID = (Standard.WETH, Standard.MULTICALL, Standard.SAFE, Standard.MULTISEND)
_DATA_SHOWN = 96
_ASKED_MAX = 32


@dataclass(frozen=True, slots=True)
class Observed:
    """What the person's node said beside the bytes. An address that was not asked for is not in `code`.

    `chain_id` is the chain that the asking page is on, where one asks.
    """

    chain_id: int | None = None
    code: Mapping[Address, bytes] = field(default_factory=dict)
    node: str = ""


def review_transaction(
    payload: bytes,
    known: Known,
    *,
    sender: Address,
    host: str,
    payee: str = "",
    payee_known: bool = True,
    origin: str = "",
    observed: Observed | None = None,
    now: int = 0,
) -> Review:
    """Of an unsigned EIP-1559 payload. Raises BytesNotUnderstood, for every other type of transaction too (EIP-7702).

    `payee` is the handle that stands for the receiver, if one was typed. `origin` is the dApp that asks, "" for the
    person's own command. `host` is the node. `now` in Unix seconds: without it every end counts as far away.
    """
    signable = read_transaction(payload)
    request = TransactionRequest.decode(payload)
    call = unfold(sender, request.to, request.value, request.data)
    scene = Scene(known, request.chain_id, sender, now)
    told, warnings, title = _simple(call, scene, payee, payee_known, is_asked=bool(origin)) or _general(call, scene)
    facts = [Fact(Label.ASKED_BY, visible(origin), Source.LIST)] if origin else []
    try:
        facts += told + _frame(request, known, sender, host)
    except AmountTooLarge:
        raise BytesNotUnderstood("transaction", "fee") from None
    if request.data and (origin or title is not Title.SEND):
        facts.append(Fact(Label.CALLDATA_DIGEST, "0x" + calldata_digest(request.data).hex(), Source.BYTES))
    if origin:
        facts.append(Fact(Label.DIGEST, "0x" + signable.digest.hex(), Source.BYTES))
    if observed is not None:
        more, seen = _observed(call, observed, request.chain_id, sender)
        facts, warnings = facts + more, warnings + seen
    if payee and not payee_known:
        warnings.append(Caution.FIRST_TIME)
    return Review(title, signable.digest, tuple(facts), host, tuple(dict.fromkeys(warnings)), payee_known)


def _simple(
    call: Call, scene: Scene, payee: str, payee_known: bool, *, is_asked: bool
) -> tuple[list[Fact], list[Caution], Title] | None:
    """Coins or a token to somebody, and nothing else."""
    found = _movement(call, scene)
    if found is None:
        return None
    facts, receiver, warnings = found
    if payee:
        facts.append(Fact(Label.PAYEE, payee, Source.LIST if payee_known else Source.CLAIMED))
    facts += party_facts(Label.ADDRESS, receiver, scene.known, "")
    if receiver in scene.known.own:
        warnings.append(Caution.OWN_ADDRESS)
    elif is_asked:
        warnings += receiver_cautions(receiver, scene.known)
        warnings += [Caution.LOST] if receiver.is_zero or (receiver == call.to and call.data) else []
    elif not payee and scene.known.is_imitation(receiver):
        # A receiver that a proven handle stands for is not compared by eye, so it is not mistaken for a look-alike.
        warnings.append(Caution.LOOKS_ALIKE)
    return facts, warnings, Title.SEND


def _movement(call: Call, scene: Scene) -> tuple[list[Fact], Address, list[Caution]] | None:
    """What moves, to whom, and what is unusual about it."""
    if call.to is not None and not call.data:
        return [Fact(Label.AMOUNT, _coins(call.value, scene), Source.BYTES)], call.to, []
    effects = effects_of(call)
    if call.value or len(effects) != 1 or (effects[0].act, effects[0].standard) != (Act.TRANSFER, Standard.ERC20):
        return None
    contract, units = effects[0].contract, effects[0].units or 0
    token = scene.known.tokens.by_address(scene.chain_id, contract)
    # The number is in the bytes; what it is called and where its point stands is in the list.
    amount = Fact(Label.AMOUNT, str(TokenAmount(units, token)), Source.LIST) if token else None
    shown = amount or Fact(Label.AMOUNT, f"{units} / 10^?", Source.BYTES)
    warnings = [] if token else [Caution.TOKEN_UNLISTED]
    return [shown, Fact(Label.CONTRACT, contract, Source.BYTES)], effects[0].party, warnings


def _general(call: Call, scene: Scene) -> tuple[list[Fact], list[Caution], Title]:
    """Every call to the bottom, each with what it does and every argument."""
    facts: list[Fact] = []
    warnings: list[Caution] = []
    allows = False
    for one in call.walk():
        effects = _known_effects(one, scene)
        allows |= any(effect.is_allowance for effect in effects)
        warnings += _call_cautions(one, effects, scene)
        if len(facts) <= LINES_MAX:
            facts += _call_facts(one, effects, scene)
    if len(facts) > LINES_MAX:
        facts = facts[:LINES_MAX]
        warnings.append(Caution.TOO_LONG)
    if Caution.CALL_UNKNOWN in warnings:
        return facts, warnings, Title.CALL
    return facts, warnings, Title.ALLOW if allows else Title.CONTRACT_CALL


def _known_effects(call: Call, scene: Scene) -> tuple[Effect, ...]:
    """`deposit()` and `withdraw(uint256)` mean wrapping only where the list says that the contract is such a token."""
    return tuple(
        effect
        for effect in effects_of(call)
        if effect.standard is not Standard.WETH or scene.known.tokens.by_address(scene.chain_id, effect.contract)
    )


def _is_unknown(call: Call, effects: tuple[Effect, ...]) -> bool:
    """Not decoded, coins handed to a function that takes none, or a wrapping that may be anything."""
    if call.fault is not None or (call.standard is Standard.WETH and not effects):
        return True
    return bool(call.value and call.standard is not None and call.standard not in _PAID)


def _call_cautions(call: Call, effects: tuple[Effect, ...], scene: Scene) -> list[Caution]:
    found = [Caution.CALL_UNKNOWN] if _is_unknown(call, effects) else []
    if call.is_delegate:
        found.append(Caution.DELEGATECALL)
    if call.value and call.to is not None:
        found += receiver_cautions(call.to, scene.known)
    for effect in effects:
        found += effect_cautions(effect, scene)
    return found


def _call_facts(call: Call, effects: tuple[Effect, ...], scene: Scene) -> list[Fact]:
    at = call.place
    label = Label.DELEGATECALL if call.is_delegate else Label.CONTRACT
    facts = party_facts(label, call.to, scene.known, at) if call.to else [Fact(label, "-", Source.BYTES, at)]
    if call.value or not call.data:
        facts.insert(0, Fact(Label.AMOUNT, _coins(call.value, scene), Source.BYTES, at))
    if call.fault is not None:
        facts.append(Fact(Label.FAULT, call.fault, Source.BYTES, at))
        data = f"0x{call.data[:_DATA_SHOWN].hex()}" + ("…" if len(call.data) > _DATA_SHOWN else "")
        return [*facts, Fact(Label.DATA, data, Source.BYTES, at)]
    if call.signature:
        facts.insert(0, Fact(Label.CALL, f"{call.signature} · {call.standard}", Source.BYTES, at))
    for effect in effects:
        facts += effect_facts(effect, scene, at)
    carried = {one.data for one in call.inner}
    is_packed = call.standard is Standard.MULTISEND
    for argument in call.arguments:
        if not (is_packed or (argument.type == "bytes" and argument.value in carried)):
            facts += _argument_facts(argument, at)
    return facts


def _argument_facts(argument: Argument, place: str) -> list[Fact]:
    text = visible(value_text(argument.value))
    about = f"{place} {argument.path}".strip()
    parts = [text[at : at + LINE_LENGTH] for at in range(0, max(len(text), 1), LINE_LENGTH)]
    return [Fact(Label.ARGUMENT, part, Source.BYTES, about) for part in parts[: LINES_MAX + 1]]


def value_text(value: object) -> str:
    """A decoded value as people read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "0x" + value.hex() if isinstance(value, bytes) else "[]" if value == () else str(value)


def _frame(request: TransactionRequest, known: Known, sender: Address, host: str) -> list[Fact]:
    """Whose account, which chain, what it costs."""
    native = Token.native(request.chain_id)
    fee, value = TokenAmount(request.fee_max, native), TokenAmount(request.value, native)
    facts = [
        Fact(Label.FROM, sender, Source.LIST),
        Fact(Label.NETWORK, f"{known.networks.get(request.chain_id, '?')} ({request.chain_id})", Source.LIST),
        Fact(Label.FEE_MAX, str(fee), Source.BYTES),
    ]
    if value.units:
        facts.append(Fact(Label.TOTAL, str(value + fee), Source.BYTES))
    return [*facts, Fact(Label.NONCE, str(request.nonce), Source.BYTES), Fact(Label.NODE, host, Source.LIST)]


def _observed(call: Call, observed: Observed, chain_id: int, sender: Address) -> tuple[list[Fact], list[Caution]]:
    """What the node adds: contracts without code, accounts that run another's code, and the chain that was meant."""
    facts: list[Fact] = []
    warnings: list[Caution] = []
    if observed.chain_id not in (None, chain_id):
        warnings.append(Caution.WRONG_CHAIN)
    for address in dict.fromkeys(_called(call)):
        if observed.code.get(address) == b"":
            warnings.append(Caution.CONTRACT_WITHOUT_CODE)
    for address in dict.fromkeys((sender, *_touched(call))):
        delegate = delegate_of(observed.code.get(address, b""))
        if delegate is not None:
            facts.append(Fact(Label.DELEGATION, delegate, Source.CLAIMED, address, observed.node))
            warnings.append(Caution.DELEGATED)
    return facts, warnings


def addresses_of(payload: bytes, sender: Address) -> tuple[Address, ...]:
    """Whose code a review wants to know: the sender, and whatever is called or paid. For asking the node before."""
    request = TransactionRequest.decode(payload)
    call = unfold(sender, request.to, request.value, request.data)
    return tuple(dict.fromkeys((sender, *_touched(call))))[:_ASKED_MAX]


def _called(call: Call) -> Iterable[Address]:
    """Contracts that data is sent to, and the tokens that it speaks of."""
    for one in call.walk():
        if one.to is not None and (one.data or one.is_delegate) and one.to not in MULTISENDS:
            yield one.to
        yield from (effect.contract for effect in effects_of(one))


def _touched(call: Call) -> Iterable[Address]:
    for one in call.walk():
        if one.to is not None:
            yield one.to
        for effect in effects_of(one):
            yield from (effect.contract, effect.party)


def _coins(units: int, scene: Scene) -> str:
    return str(TokenAmount(units, Token.native(scene.chain_id)))
