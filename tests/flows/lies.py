"""Single lies of a server and of a node, what each is told to, and the judge of what the client makes of them.

A lie is refused, or what it changed stands in the review as its host's claim, or in the bytes themselves, which are
shown as they are. The judge reads the bytes with another library than the client's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import rlp

from chain.address import Address
from chain.errors import (
    AnswerMalformed,
    FeeTooHigh,
    InsufficientNative,
    TokenWithoutCode,
    WrongChain,
)
from chain.token import TokenAmount
from fiat.money import Money
from tests.flows.lying_server import Person
from wallet.allowances import Given
from wallet.delegations import Delegations
from wallet.enrolment import plan_sign_in
from wallet.errors import (
    AnswerUnfit,
    AssetUnknown,
    BytesNotUnderstood,
    FundsMissing,
    PayeeChanged,
    ProofMissing,
    TokenChanged,
)
from wallet.orders import Schedule, plan_conversion, plan_hold, plan_mandate
from wallet.own_transactions import OwnTransactions
from wallet.payee import read_payee
from wallet.purchases import plan_purchase
from wallet.review import Label, Review, Source
from wallet.tokens import TokenRail

BOB, IBAN = "@bobby", "iban:DE89370400440532013000"
SPENDER = Address("0x00a329c0648769A73afAc7F9381E08FB43dBEA72")
LATER = 86_400 * 7


@dataclass(frozen=True)
class Seen:
    """A review with what the bytes carry: `signed` by name; `counted` are facts (label, about) that follow from it."""

    review: Review
    signed: Mapping[str, object]
    counted: Mapping[tuple[Label, str], str] = field(default_factory=dict)


Act = Callable[[Person], Awaitable[Seen]]


# What a person asks for. Each gives what the command would show before its question, and signs nothing.


def of_order(plan: Any, *names: str) -> Seen:
    fields = plan.order.to_json()
    texts = {name: told.text for name, told in plan.texts.items()}
    counted: dict[tuple[Label, str], str] = {}
    if "totalMaxMinor" in fields:
        total, amount = int(fields["totalMaxMinor"]), int(fields["amountMinor"])
        counted = {(Label.TOTAL, ""): _euros(total), (Label.FEE_MAX, ""): _euros(total - amount)}
    return Seen(plan.review, {**{name: fields[name] for name in names}, **texts}, counted)


def _euros(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02} EUR"


MONEY = ("currency", "exponent", "amountMinor")


async def pay(person: Person) -> Seen:
    async with person.wallet() as wallet:
        money = Money(100, await wallet.currency("EUR"))
        return of_order(await wallet.plan_transfer(money, read_payee(BOB), "lunch"), "payee", *MONEY)


async def withdraw(person: Person) -> Seen:
    async with person.wallet() as wallet:
        return of_order(await wallet.plan_withdrawal(Money(100, await wallet.currency("EUR")), IBAN), *MONEY)


async def convert(person: Person) -> Seen:
    async with person.wallet() as wallet:
        money, dollars = Money(1000, await wallet.currency("EUR")), await wallet.currency("USD")
        plan = await plan_conversion(wallet, money, dollars)
        return of_order(plan, "receiveAsset", "receiveMinMinor", "receiveTo", *MONEY)


async def buy(person: Person) -> Seen:
    """A token for money, at a quote of the bridge's."""
    async with person.wallet() as wallet:
        token = wallet.purse.token("ETH")
        assert token is not None
        plan = await plan_purchase(wallet, Money(1000, await wallet.currency("EUR")), token)
        return of_order(plan, "receiveAsset", "receiveMinMinor", "receiveTo", *MONEY)


async def hold(person: Person) -> Seen:
    async with person.wallet() as wallet:
        until = int(time.time()) // LATER * LATER + 2 * LATER
        plan = await plan_hold(wallet, Money(100, await wallet.currency("EUR")), read_payee(BOB), until)
        return of_order(plan, "captor", "until", *MONEY)


async def mandate(person: Person) -> Seen:
    async with person.wallet() as wallet:
        schedule = Schedule(LATER, 3, int(time.time()) // LATER * LATER + 5 * LATER)
        plan = await plan_mandate(wallet, Money(100, await wallet.currency("EUR")), read_payee(BOB), schedule)
        return of_order(plan, "payee", "perPeriodMinor", "periodSeconds", "count", "until", "currency", "exponent")


async def sign_in(person: Person) -> Seen:
    async with person.wallet() as wallet:
        root = (await wallet.keys()).root
        assert root is not None
        _text, review = await plan_sign_in(wallet.client, root)
        told = {fact.label: fact.value for fact in review.facts}
        return Seen(review, {"site": told[Label.SITE], "key": told[Label.KEY]})


def of_payload(review: Review, payload: bytes) -> Seen:
    chain_id, nonce, _tip, fee, gas, to, value, calldata, _access, *more = rlp.decode(payload[1:])
    whole = {"chain": chain_id.hex(), "to": to.hex(), "value": value.hex(), "data": calldata.hex()}
    counted = {(Label.NONCE, ""): _number(nonce)}
    if more:
        ((chain, delegate, its_nonce, account, payer),) = more[0]
        whole |= {"on": chain.hex(), "delegate": delegate.hex(), "account": account.hex(), "payer": payer.hex()}
        counted[Label.NONCE, "EIP-7702"] = _number(its_nonce)
    most = int.from_bytes(gas, "big") * int.from_bytes(fee, "big")
    counted[Label.FEE_MAX, ""] = _coins(most)
    if value:
        counted[Label.TOTAL, ""] = _coins(most + int.from_bytes(value, "big"))
    return Seen(review, whole, counted)


def _number(raw: bytes) -> str:
    return str(int.from_bytes(raw, "big"))


def _coins(wei: int) -> str:
    return f"{wei // 10**18}.{wei % 10**18:018}".rstrip("0").rstrip(".") + " ETH"


async def send(person: Person, symbol: str = "ETH", amount: str = "0.001") -> Seen:
    async with person.wallet() as wallet:
        token = wallet.purse.token(symbol)
        assert token is not None
        plan = await TokenRail(wallet).plan(TokenAmount.parse(amount, token), read_payee(BOB))
        return of_payload(plan.review, plan.request.unsigned_payload)


async def send_dusd(person: Person) -> Seen:
    return await send(person, "DUSD", "1")


async def revoke(person: Person) -> Seen:
    async with person.wallet() as wallet:
        own, (account, *_) = OwnTransactions(wallet), (await wallet.keys()).accounts
        plan = await own.revoked(account, Given(own.token("DUSD"), SPENDER))
        return of_payload(plan.review, plan.request.unsigned_payload)


async def delegate(person: Person) -> Seen:
    async with person.wallet() as wallet:
        (account, *_) = (await wallet.keys()).accounts
        contract = OwnTransactions(wallet).token("DUSD")
        plan = await Delegations(wallet).plan(account, contract, account)
        return of_payload(plan.review, plan.asked.payload)


# The judge


NUMBERS_OF_BYTES = {Label.QUOTE, Label.DIGEST}
"""Other at each time: they name the bytes, whatever these are. A lie there changes what is signed, and shows."""


def complaints(seen: Seen, honest: Seen, liars: tuple[str, ...]) -> list[str]:
    """What is wrong with a review that was made while somebody lied; `honest` was made of the same wish before."""
    found = [f"signs another {name}" for name, value in honest.signed.items() if seen.signed.get(name) != value]
    known = {(fact.label, fact.about): (fact.source, fact.value) for fact in honest.review.facts}
    for fact in seen.review.facts:
        before = known.get((fact.label, fact.about))
        if before == (fact.source, fact.value):
            continue
        if fact.source is Source.LIST:
            found.append(f"{fact.label} is called known: {fact.value}")
        elif fact.source is Source.CLAIMED:
            if (fact.by or seen.review.host).removeprefix("http://").split("/")[0] not in liars:
                found.append(f"{fact.label} is put into another's mouth")
        elif (fact.label, fact.about) in seen.counted:
            if seen.counted[fact.label, fact.about] != fact.value:
                found.append(f"{fact.label} is not what the bytes say")
        elif fact.label not in NUMBERS_OF_BYTES:
            found.append(f"{fact.label} is called the bytes': {fact.value}")
    gone = [label for label, about in known if (label, about) not in {(f.label, f.about) for f in seen.review.facts}]
    owned = {label for (label, _about), (source, _value) in known.items() if source is not Source.CLAIMED}
    return found + [f"{label} is no longer shown" for label in gone if label in owned]


def changed(seen: Seen, honest: Seen) -> bool:
    """Does the review show that anything is another?"""
    return [*map(str, seen.review.facts), *seen.review.cautions] != [
        *map(str, honest.review.facts),
        *honest.review.cautions,
    ]


# The lies. `REFUSED` rows name the error; SHOWN ones change the review; UNUSED ones change nothing.


SHOWN, UNUSED = "shown", "unused"


@dataclass(frozen=True)
class Lie:
    """`where`: `METHOD /path` of the server's, or a JSON-RPC method of the node's. `expected`: an error, or SHOWN."""

    name: str
    act: Act
    where: str
    change: Callable[..., Any]
    expected: type[Exception] | str
    by_node: bool = False


def at(*path: Any, to: Any) -> Callable[[Any], Any]:
    """Changes one member of a server's document."""

    def change(document: Any) -> Any:
        if path:
            place = document
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = to(place[path[-1]]) if callable(to) else to
        return document

    return change


def flipped(text: str) -> str:
    """The last hex digit is another."""
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def more(digits: str) -> str:
    return str(int(digits) + 1)


def fee(**changes: Any) -> Callable[[Any], Any]:
    """Of every kind that the person pays."""

    def change(document: Any) -> Any:
        for row in document["fees"]:
            row.update(changes)
        return document

    return change


def mallory(document: Any) -> Any:
    """Overwritten by the test with a true card of somebody else, under the name that was asked for."""
    raise AssertionError("not given")


def of_another_token(document: Any) -> Any:
    """Overwritten by the test with a quote that the operator did sign, for a token of another symbol and decimals."""
    raise AssertionError("not given")


def shifted(text: str) -> str:
    return text.replace("wants you to sign in", "wants you to sign in ", 1)


def view(selector: str, word: int | str) -> Callable[[list[Any], Any], Any]:
    """A contract's answer to one of its views."""
    answer = word if isinstance(word, str) else f"0x{word:064x}"
    return lambda asked, found: answer if str(asked[0].get("data", "")).startswith(selector) else found


def always(value: Any) -> Callable[[list[Any], Any], Any]:
    return lambda asked, found: value


BALANCE_OF, DECIMALS = "0x70a08231", "0x313ce567"
LEDGER, CARD, QUOTE, HEAD = "GET /v1/ledger", "GET /v1/users/", "POST /v1/quotes", "/v1/heads"
BASE = {
    "oldestBlock": "0x1",
    "baseFeePerGas": [hex(3 * 10**9)] * 2,
    "gasUsedRatio": [0.5],
    "reward": [[hex(10**9)] * 3],
}
ABSURD = {**BASE, "baseFeePerGas": [hex(10**13)] * 2}


def server_lies() -> list[Lie]:
    rows: list[tuple[str, Act, str, Any, type[Exception] | str]] = [
        ("ledger: id", pay, LEDGER, at("ledger_id", to=flipped), ProofMissing),
        ("ledger: genesis record", pay, LEDGER, at("genesis_record", to=flipped), ProofMissing),
        ("ledger: domain's name", pay, LEDGER, at("domain", "name", to="USD Coin"), UNUSED),
        ("ledger: domain's salt", pay, LEDGER, at("domain", "salt", to=flipped), UNUSED),
        ("ledger: operator", pay, LEDGER, at("operator", to="0x" + "77" * 20), UNUSED),
        ("currency: EUR with 3 decimals", pay, LEDGER, at("currencies", 0, "exponent", to=3), TokenChanged),
        ("currency: EUR with none", withdraw, LEDGER, at("currencies", 0, "exponent", to=0), TokenChanged),
        ("currency: USD with 4 decimals", convert, LEDGER, at("currencies", 1, "exponent", to=4), TokenChanged),
        ("currency: EUR renamed", pay, LEDGER, at("currencies", 0, "code", to="EUX"), AssetUnknown),
        ("currency: none at all", hold, LEDGER, at("currencies", to=[]), AssetUnknown),
        ("currency: no list", mandate, LEDGER, at("currencies", to=None), AnswerUnfit),
        ("fee: 9.00 for 1.00", pay, LEDGER, fee(fixed_minor="900", currency="EUR"), SHOWN),
        ("fee: one cent", withdraw, LEDGER, fee(fixed_minor="1", currency="EUR"), SHOWN),
        ("fee: a tenth", hold, LEDGER, fee(rate_ppm=100_000), SHOWN),
        ("fee: negative", pay, LEDGER, fee(fixed_minor="-1"), AnswerUnfit),
        ("fee: in no currency", pay, LEDGER, fee(fixed_minor="900"), AnswerUnfit),
        ("fee: no number", pay, LEDGER, fee(fixed_minor="free"), AnswerUnfit),
        ("fee: more than there is", pay, LEDGER, fee(fixed_minor="100000", currency="EUR"), FundsMissing),
        ("fee: a conversion's", convert, LEDGER, fee(fixed_minor="5", currency="EUR"), AnswerUnfit),
        ("payee: holder", pay, CARD, at("holder", to=flipped), ProofMissing),
        ("payee: genesis", pay, CARD, at("genesis", to=flipped), ProofMissing),
        ("payee: handle", pay, CARD, at("handle", to="b0bby"), ProofMissing),
        ("payee: fingerprint", pay, CARD, at("fingerprint", to="aaaa bbbb cccc dddd"), UNUSED),
        ("payee: root key", pay, CARD, at("root_key", to="0x" + "77" * 20), UNUSED),
        ("payee: somebody else", pay, CARD, mallory, PayeeChanged),
        ("payee: somebody else, of a hold", hold, CARD, mallory, PayeeChanged),
        ("payee: somebody else, of a mandate", mandate, CARD, mallory, PayeeChanged),
        ("payee: somebody else, of a token", send, CARD, mallory, PayeeChanged),
        ("destination: address", send, "/address", at("address", to="0x" + "77" * 20), ProofMissing),
        ("destination: address of a token", send_dusd, "/address", at("address", to="0x" + "77" * 20), ProofMissing),
        ("destination: a digit", send, "/address", at("address", to=flipped), ProofMissing),
        ("destination: chain", send, "/address", at("chain_id", to=1), ProofMissing),
        ("destination: longer valid", send, "/address", at("attestation", "valid_before", to=more), ProofMissing),
        ("destination: over", send, "/address", at("attestation", "valid_before", to="1"), ProofMissing),
        ("destination: signature", send, "/address", at("attestation", "signature", to=flipped), ProofMissing),
        ("destination: asset", send, "/address", at("asset", to="DEUR"), UNUSED),
        ("quote: amount", convert, QUOTE, at("quote", "amountMinor", to=more), ProofMissing),
        ("quote: currency", convert, QUOTE, at("quote", "currency", to="GBP"), ProofMissing),
        ("quote: exponent", convert, QUOTE, at("quote", "exponent", to="3"), ProofMissing),
        ("quote: fee", convert, QUOTE, at("quote", "feeMinor", to="500"), ProofMissing),
        ("quote: what is received", convert, QUOTE, at("quote", "receiveMinor", to="1"), ProofMissing),
        ("quote: what asset", convert, QUOTE, at("quote", "receiveAsset", to="JPY"), ProofMissing),
        ("quote: its exponent", convert, QUOTE, at("quote", "receiveExponent", to="4"), ProofMissing),
        ("quote: market rate", convert, QUOTE, at("quote", "rateNumerator", to="99"), ProofMissing),
        ("quote: spread", convert, QUOTE, at("quote", "spreadPpm", to="0"), ProofMissing),
        ("quote: end", convert, QUOTE, at("quote", "expiresAt", to=more), ProofMissing),
        ("quote: whose", convert, QUOTE, at("quote", "holder", to=flipped), ProofMissing),
        ("quote: signature", convert, QUOTE, at("signature", to=flipped), ProofMissing),
        ("quote: shown otherwise", convert, QUOTE, at("receive", to="9999.00"), UNUSED),
        ("quote: id", convert, QUOTE, at("id", to=flipped), ProofMissing),
        ("purchase: symbol", buy, QUOTE, at("quote", "symbol", to="WETH"), ProofMissing),
        ("purchase: decimals", buy, QUOTE, at("quote", "decimals", to="6"), ProofMissing),
        ("purchase: token", buy, QUOTE, at("quote", "token", to="0x" + "77" * 20), ProofMissing),
        ("purchase: chain", buy, QUOTE, at("quote", "chainId", to="1"), ProofMissing),
        ("purchase: what is received", buy, QUOTE, at("quote", "receiveAmount", to=more), ProofMissing),
        ("purchase: fee for the network", buy, QUOTE, at("quote", "networkFeeMinor", to="900"), ProofMissing),
        ("purchase: sold instead", buy, QUOTE, at("quote", "toToken", to="0"), ProofMissing),
        ("purchase: another honest quote", buy, QUOTE, of_another_token, AnswerUnfit),
        ("purchase: shown as another token", buy, QUOTE, at("asset", to="eip155:1/slip44:60"), UNUSED),
        ("head: more money", pay, HEAD, at("head", "balances", 0, "creditsPosted", to=more), ProofMissing),
        ("head: other decimals", withdraw, HEAD, at("head", "balances", 0, "exponent", to="3"), ProofMissing),
        ("head: another currency", withdraw, HEAD, at("head", "balances", 0, "currency", to="USD"), ProofMissing),
        ("head: a count", pay, HEAD, at("head", "count", to=more), ProofMissing),
        ("head: a holder", pay, HEAD, at("head", "holder", to=flipped), ProofMissing),
        ("sign-in: suffix of the domain", sign_in, "challenge", at("message", to=lambda t: "x." + t), ProofMissing),
        ("sign-in: domain after it", sign_in, "challenge", at("message", to=domain_after), ProofMissing),
        ("sign-in: ledger", sign_in, "challenge", at("message", to=flipped), ProofMissing),
        ("sign-in: another key", sign_in, "challenge", at("message", to=other_key), ProofMissing),
        ("sign-in: grammar", sign_in, "challenge", at("message", to=shifted), BytesNotUnderstood),
        ("sign-in: a promise", sign_in, "challenge", at("message", to="I owe you 100 EUR"), BytesNotUnderstood),
    ]
    return [Lie(*row) for row in rows]


def domain_after(text: str) -> str:
    return text.replace(" wants", ".evil.example wants", 1)


def other_key(text: str) -> str:
    return text.replace(text.split("\n")[1], "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", 1)


def node_lies() -> list[Lie]:
    rows: list[tuple[str, Act, str, Any, type[Exception] | str]] = [
        ("chain: another id", send, "eth_chainId", always("0x1"), WrongChain),
        ("chain: none", send_dusd, "eth_chainId", always("0x0"), WrongChain),
        ("chain: another id, of a delegation", delegate, "eth_chainId", always("0x1"), WrongChain),
        ("fee: three times", send, "eth_feeHistory", always(BASE), SHOWN),
        ("fee: absurd", send, "eth_feeHistory", always(ABSURD), FeeTooHigh),
        ("fee: no numbers", send, "eth_feeHistory", always({"baseFeePerGas": ["much"]}), AnswerMalformed),
        ("fee: of a delegation", delegate, "eth_feeHistory", always(BASE), SHOWN),
        ("fee: gas ten times", send_dusd, "eth_estimateGas", lambda a, f: hex(int(f, 16) * 10), SHOWN),
        ("fee: gas without end", send_dusd, "eth_estimateGas", always(hex(2**62)), InsufficientNative),
        ("nonce: five ahead", send, "eth_getTransactionCount", lambda a, f: hex(int(f, 16) + 5), SHOWN),
        ("nonce: an old one", revoke, "eth_getTransactionCount", always("0x7"), SHOWN),
        ("nonce: beyond all", send, "eth_getTransactionCount", always(hex(2**65)), AnswerMalformed),
        ("nonce: of a delegation", delegate, "eth_getTransactionCount", lambda a, f: hex(int(f, 16) + 2), SHOWN),
        ("balance: no coins", send, "eth_getBalance", always("0x0"), InsufficientNative),
        ("balance: very many", send, "eth_getBalance", always(hex(10**30)), UNUSED),
        ("token: no code", send_dusd, "eth_getCode", always("0x"), TokenWithoutCode),
        ("token: 8 decimals", send_dusd, "eth_call", view(DECIMALS, 8), TokenChanged),
        ("token: no decimals", send_dusd, "eth_call", view(DECIMALS, 0), TokenChanged),
        ("token: malformed decimals", send_dusd, "eth_call", view(DECIMALS, "0x06"), AnswerMalformed),
        ("token: nothing held", send_dusd, "eth_call", view(BALANCE_OF, 0), FundsMissing),
        ("token: very much held", send_dusd, "eth_call", view(BALANCE_OF, 10**30), UNUSED),
        ("token: no answer", send_dusd, "eth_call", view(BALANCE_OF, "0x"), AnswerMalformed),
        ("delegate: code that is not there", delegate, "eth_getCode", always("0x6001"), SHOWN),
        ("delegate: no code", delegate, "eth_getCode", always("0x"), SHOWN),
        ("delegate: another one before", delegate, "eth_getCode", always("0xef0100" + "77" * 20), SHOWN),
    ]
    return [Lie(*row, by_node=True) for row in rows]


LIES = [*server_lies(), *node_lies()]


# Seeded clients that trust: the judge has to see each.


async def trusting_payee(person: Person) -> Seen:
    """Takes the server's word for who the payee is."""
    seen = await pay(person)
    async with person.wallet() as wallet:
        answer = await wallet.client.get("/users/mallory")
    return replace(seen, signed={**seen.signed, "payee": answer["holder"]})


async def trusting_names(person: Person) -> Seen:
    """Calls a claim of the server's known."""
    seen = await convert(person)
    facts = [replace(f, source=Source.LIST, value="9 %") if f.label is Label.SPREAD else f for f in seen.review.facts]
    return replace(seen, review=replace(seen.review, facts=tuple(facts)))


async def trusting_node(person: Person) -> Seen:
    """Shows the node's word on the code as what the bytes say."""
    seen = await delegate(person)
    facts = [replace(f, source=Source.BYTES, value="1") if f.label is Label.CODE else f for f in seen.review.facts]
    return replace(seen, review=replace(seen.review, facts=tuple(facts)))


async def silent_fee(person: Person) -> Seen:
    """Shows another fee than it signs."""
    seen = await send(person)
    facts = [replace(f, value="0 ETH") if f.label is Label.FEE_MAX else f for f in seen.review.facts]
    return replace(seen, review=replace(seen.review, facts=tuple(facts)))


async def hidden_receiver(person: Person) -> Seen:
    """Leaves the receiver out."""
    seen = await send(person)
    facts = tuple(fact for fact in seen.review.facts if fact.label is not Label.ADDRESS)
    return replace(seen, review=replace(seen.review, facts=facts))


async def borrowed_mouth(person: Person) -> Seen:
    """Says that another host than the one that lied says so."""
    seen = await delegate(person)
    facts = [replace(f, by="honest.example", value="9") if f.label is Label.CODE else f for f in seen.review.facts]
    return replace(seen, review=replace(seen.review, facts=tuple(facts)))


SEEDED: list[tuple[Act, Act, str]] = [
    (pay, trusting_payee, "signs another payee"),
    (convert, trusting_names, "spread is called known"),
    (delegate, trusting_node, "code is called the bytes'"),
    (send, silent_fee, "fee-max is not what the bytes say"),
    (send, hidden_receiver, "address is no longer shown"),
    (delegate, borrowed_mouth, "code is put into another's mouth"),
]
