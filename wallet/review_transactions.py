"""What a person is shown before they sign a transaction: their own transfer, or whatever a dApp asks for. Pure.

Every call is decoded to the bottom and every argument shown; what is not understood says so and needs a typed word.
What the node said (code, simulation) is handed in as `Observed` and stays marked as the node's claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from chain.address import Address
from chain.calls import MULTISENDS, Call, Fault, unfold
from chain.clear_signing import Screen
from chain.deadline import NEVER, Deadline
from chain.delegation import delegate_of
from chain.digests import calldata_digest
from chain.effects import Act, Effect, effects_of
from chain.errors import AmountTooLarge
from chain.fragment import Argument, Fragment
from chain.methods import Standard
from chain.outcome import Outcome
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from wallet.descriptions import screen_cautions, screen_facts, screen_of_call
from wallet.errors import BytesNotUnderstood
from wallet.plain_text import LINES_MAX, parts, visible
from wallet.review import Caution, Fact, Known, Label, Review, Source, Title
from wallet.review_effects import Scene, effect_cautions, effect_facts, party_facts, receiver_cautions
from wallet.review_outcome import NO_NODE, outcome_cautions, outcome_facts
from wallet.signable import read_transaction

_PAID = (Standard.WETH, Standard.MULTICALL, Standard.SAFE, Standard.MULTISEND)
_DATA_SHOWN = 96
_ASKED_MAX = 32
_EMBEDDED_DEPTH_MAX = 4
_DESCRIBED_MAX = 100
"""Calls that descriptors are looked up for; what comes after is beyond what is shown anyway."""
_SAID_BY_EFFECTS = frozenset(
    {
        "transfer(address,uint256)",
        "transferFrom(address,address,uint256)",
        "approve(address,uint256)",
        "increaseAllowance(address,uint256)",
        "decreaseAllowance(address,uint256)",
        "safeTransferFrom(address,address,uint256)",
        "approve(address,address,uint160,uint48)",
    }
)


@dataclass(frozen=True, slots=True)
class Observed:
    """What the person's node said beside the bytes. An address that was not asked for is not in `code`.

    `chain_id` is the chain that the asking page is on, where one asks. `outcome` is the node's simulation
    (`chain.simulation.simulate`), None where no node was asked for it, which the review then says.
    """

    chain_id: int | None = None
    code: Mapping[Address, bytes] = field(default_factory=dict)
    node: str = ""
    outcome: Outcome | None = None


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
    deadline: Deadline = NEVER,
) -> Review:
    """Of an unsigned EIP-1559 payload. Raises BytesNotUnderstood, for every other type of transaction too (EIP-7702).

    `payee` is the handle that stands for the receiver, if one was typed. `origin` is the dApp that asks, "" for the
    person's own command. `host` is the node. `now` in Unix seconds: without it every end counts as far away. What is
    not decoded by the deadline counts as unknown.
    """
    signable = read_transaction(payload)
    request = TransactionRequest.decode(payload)
    call = unfold(sender, request.to, request.value, request.data, deadline=deadline)
    scene = Scene(known, request.chain_id, sender, now)
    simple = _simple(call, scene, payee, payee_known, is_asked=bool(origin))
    told, warnings, title = simple or _general(call, scene, deadline)
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
        more, seen = _observed(call, observed, scene, is_asked=bool(origin))
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


def _general(call: Call, scene: Scene, deadline: Deadline) -> tuple[list[Fact], list[Caution], Title]:
    """Every call to the bottom, each with what it does and every argument."""
    facts: list[Fact] = []
    warnings: list[Caution] = []
    allows = False
    for one in _described(call, scene, deadline, 0):
        if deadline.is_over:
            warnings += [Caution.CALL_UNKNOWN, Caution.TOO_LONG]
            break
        allows |= any(effect.is_allowance for effect in one.effects)
        warnings += _call_cautions(one, scene)
        if len(facts) <= LINES_MAX:
            facts += _call_facts(one, scene)
    if len(facts) > LINES_MAX:
        facts = facts[:LINES_MAX]
        warnings.append(Caution.TOO_LONG)
    if Caution.CALL_UNKNOWN in warnings:
        return facts, warnings, Title.CALL
    return facts, warnings, Title.ALLOW if allows else Title.CONTRACT_CALL


@dataclass(frozen=True, slots=True)
class _Described:
    """A call with its effects and, where a descriptor knows it, its screen and the function's own names."""

    call: Call
    effects: tuple[Effect, ...]
    screen: Screen | None = None
    fragment: Fragment | None = None

    @property
    def is_unknown(self) -> bool:
        """Not decoded, coins handed to a function that takes none, or a wrapping that may be anything."""
        call = self.call
        is_described = self.screen is not None
        if call.fault is not None:
            return not is_described
        if call.standard is Standard.WETH:
            return not self.effects and not is_described
        return bool(call.value and call.standard is not None and call.standard not in _PAID)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        if self.call.fault is None or self.fragment is None:
            return self.call.arguments
        return tuple(self.fragment.flat(list(self.fragment.decode(self.call.data).values())))


def _described(call: Call, scene: Scene, deadline: Deadline, depth: int) -> Iterator[_Described]:
    """Calls in order, and after each what its descriptor finds inside it that no standard does."""
    for count, one in enumerate(call.walk()):
        effects = _known_effects(one, scene)
        found = screen_of_call(one, scene) if count < _DESCRIBED_MAX else None
        if found is None:
            yield _Described(one, effects)
            continue
        screen, fragment = found
        yield _Described(one, effects, screen, fragment)
        for number, inner in enumerate(screen.embedded, 1):
            place = f"{one.place}.{number}".lstrip(".")
            carried = unfold(one.to or one.sender, inner.callee, inner.value, inner.data, place, deadline)
            if depth >= _EMBEDDED_DEPTH_MAX:
                yield _Described(replace(carried, fault=Fault.TOO_DEEP), ())
            else:
                yield from _described(carried, scene, deadline, depth + 1)


def _known_effects(call: Call, scene: Scene) -> tuple[Effect, ...]:
    """`deposit()` and `withdraw(uint256)` mean wrapping only where the list says that the contract is such a token."""
    return tuple(
        effect
        for effect in effects_of(call)
        if effect.standard is not Standard.WETH or scene.known.tokens.by_address(scene.chain_id, effect.contract)
    )


def _call_cautions(one: _Described, scene: Scene) -> list[Caution]:
    call = one.call
    found = [Caution.CALL_UNKNOWN] if one.is_unknown else []
    if call.is_delegate:
        found.append(Caution.DELEGATECALL)
    if call.value and call.to is not None:
        found += receiver_cautions(call.to, scene.known)
    for effect in one.effects:
        found += effect_cautions(effect, scene)
    return found + (screen_cautions(one.screen) if one.screen else [])


def _call_facts(one: _Described, scene: Scene) -> list[Fact]:
    call, at = one.call, one.call.place
    label = Label.DELEGATECALL if call.is_delegate else Label.CONTRACT
    facts = party_facts(label, call.to, scene.known, at) if call.to else [Fact(label, "-", Source.BYTES, at)]
    if call.value or not call.data:
        facts.insert(0, Fact(Label.AMOUNT, _coins(call.value, scene), Source.BYTES, at))
    signature = call.signature or (one.fragment.signature if one.fragment else "")
    if signature:
        told = f"{signature} · {call.standard}" if call.standard else signature
        facts[0:0] = [Fact(Label.CALL, part, Source.BYTES, at) for part in parts(told)]
    if one.screen is not None:
        facts += screen_facts(one.screen, at, is_brief=bool(one.effects))
    elif call.fault is not None:
        data = f"0x{call.data[:_DATA_SHOWN].hex()}" + ("…" if len(call.data) > _DATA_SHOWN else "")
        facts.append(Fact(Label.FAULT, call.fault, Source.BYTES, at))
        return [*facts, Fact(Label.DATA, data, Source.BYTES, at)]
    done = (fact for effect in one.effects for fact in effect_facts(effect, scene, at))
    unsaid = (fact for argument in _unsaid(one) for fact in _argument_facts(argument, at))
    more = LINES_MAX + 1  # whoever has so many lines is shown no more, and is told so
    return [*facts, *islice(done, more), *islice(unsaid, more)]


def _unsaid(one: _Described) -> Iterator[Argument]:
    """Arguments that nothing else shows to the last digit: neither the effects, nor the calls that they carry."""
    if one.call.signature in _SAID_BY_EFFECTS and not any(effect.is_unlimited for effect in one.effects):
        return
    if one.call.standard is not Standard.MULTISEND:
        carried = {inner.data for inner in one.call.inner}
        yield from (a for a in one.arguments if not (a.type == "bytes" and a.value in carried))


def _argument_facts(argument: Argument, place: str) -> list[Fact]:
    text = visible(value_text(argument.value))
    about = f"{place} {argument.path}".strip()
    return [Fact(Label.ARGUMENT, part, Source.BYTES, about) for part in parts(text)[: LINES_MAX + 1]]


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


def _observed(call: Call, observed: Observed, scene: Scene, *, is_asked: bool) -> tuple[list[Fact], list[Caution]]:
    """What the node adds: contracts without code, accounts that run another's code, and what it would come to.

    That a node cannot simulate is a warning where a dApp asks; the person's own command says what it does by itself.
    """
    facts: list[Fact] = []
    warnings: list[Caution] = []
    if observed.chain_id not in (None, scene.chain_id):
        warnings.append(Caution.WRONG_CHAIN)
    if any(observed.code.get(address) == b"" for address in _called(call)):
        warnings.append(Caution.CONTRACT_WITHOUT_CODE)
    for address in dict.fromkeys((scene.account, *_touched(call))):
        delegate = delegate_of(observed.code.get(address, b""))
        if delegate is not None:
            facts.append(Fact(Label.DELEGATION, delegate, Source.CLAIMED, address, observed.node))
            warnings.append(Caution.DELEGATED)
    if observed.outcome is not None:
        facts += outcome_facts(observed.outcome, scene, observed.node)
        effects = (effect for one in call.walk() for effect in effects_of(one))
        seen = outcome_cautions(observed.outcome, effects)
        warnings += [caution for caution in seen if is_asked or caution is not Caution.NOT_SIMULATED]
    else:
        facts.append(Fact(Label.SIMULATED, NO_NODE, Source.LIST))
    return facts, warnings


def addresses_of(payload: bytes, sender: Address, deadline: Deadline = NEVER) -> tuple[Address, ...]:
    """Whose code a review wants to know: the sender, and whatever is called or paid. For asking the node before."""
    request = TransactionRequest.decode(payload)
    call = unfold(sender, request.to, request.value, request.data, deadline=deadline)
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
