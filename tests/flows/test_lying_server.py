"""Promise 7: a lying server can refuse service; it cannot make the client believe or sign what the person did not see.

A proxy before the real server changes one thing in one answer (lying_server.py). Each lie is told at least once, is
refused by name, and leaves what the client keeps as it was; the honest answer after it is taken (the control).
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from api.operator_key import SigningKey, open_key
from chain.errors import FeeTooHigh, TokenWithoutCode, WrongChain, WrongGenesis
from chain.token import TokenAmount
from fiat.head import chain_head
from fiat.money import Money
from fiat.record import GenesisRecord, ledger_id
from tests.flows.lies import flipped, more
from tests.flows.lying_server import CHAIN_ID, PASSWORD, Person, Scene, open_scene, pay, readable_memory
from wallet.cli.ask import Asker, check_positions
from wallet.cli.problems import problem_of
from wallet.cli.running import Run
from wallet.cli.show import approve
from wallet.cli.statement import checked
from wallet.errors import (
    AnswerUnfit,
    BytesNotUnderstood,
    ClockWrong,
    HeadRefused,
    HolderMissing,
    OutcomeUnknown,
    PayeeChanged,
    ProofMissing,
    ServerRefused,
    TokenChanged,
    YesRefused,
)
from wallet.hd import KeyTree
from wallet.heads import read_head
from wallet.mnemonic import readings
from wallet.payee import read_payee
from wallet.review import Caution, Label
from wallet.tokens import TokenRail

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
BOB = "@bobby"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path_factory.mktemp("lying")) as scene:
        yield scene


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def honest_again(scene: Scene) -> AsyncIterator[None]:
    scene.proxy.be_honest()
    yield
    scene.proxy.be_honest()


def set_to(*path: Any, to: Any) -> Any:
    """Changes one member of a document."""

    def change(document: Any) -> Any:
        document = copy.deepcopy(document)
        place = document
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = to(place[path[-1]]) if callable(to) else to
        return document

    return change


async def see_head(person: Person) -> None:
    async with person.wallet() as wallet:
        await wallet.client.head()


async def see_balance(person: Person) -> None:
    """What `tandem balance` does."""

    def ask() -> None:
        asker = Asker(Run(person.config, True))
        view = asker.ask("/portfolio?in=EUR")
        check_positions(asker.host, view["positions"], asker.check_head(view["head"]))

    await asyncio.to_thread(ask)


async def see_statement(person: Person) -> None:
    """What `tandem statement` does."""

    def ask() -> None:
        checked(Asker(Run(person.config, True)), {"currency": "EUR", "by": "recorded"}, runs_up_to_now=True)

    await asyncio.to_thread(ask)


def hidden_line(document: Any) -> Any:
    """A statement that adds up, from which the first line was left out."""
    lines = document["lines"]
    away = int(lines[0]["amount_minor"])
    for line in lines:
        line["balance_minor"] = str(int(line["balance_minor"]) - away)
    return document | {
        "lines": lines[1:],
        "closing_minor": str(int(document["closing_minor"]) - away),
        "in_minor": str(int(document["in_minor"]) - max(away, 0)),
        "out_minor": str(int(document["out_minor"]) - max(-away, 0)),
    }


async def sign_in(person: Person) -> None:
    async with person.wallet() as wallet:
        await wallet.sign_in()


async def pay_bob(person: Person) -> None:
    await pay(person, BOB)


async def send_ether(person: Person, amount: str = "0.001", symbol: str = "ETH") -> None:
    async with person.wallet() as wallet:
        token = wallet.purse.token(symbol)
        assert token is not None
        rail = TokenRail(wallet)
        await rail.send(await rail.plan(TokenAmount.parse(amount, token), read_payee(BOB)))


async def send_dusd(person: Person) -> None:
    await send_ether(person, "1", "DUSD")


def other_ledger(document: Any) -> Any:
    """A ledger of another operator, which proves itself."""
    body = GenesisRecord(sequence=0, timestamp=1, operator=b"\7" * 20, random=b"\5" * 32).encode()
    return document | {"ledger_id": "0x" + ledger_id(body).hex(), "genesis_record": "0x" + body.hex()}


def answered(method: str, result: Any) -> Any:
    """A relay that answers one method falsely, alone and in a batch. Answers name no method: it is told by shape."""

    def change(document: Any) -> Any:
        calls = document if isinstance(document, list) else [document]
        for call in calls:
            if "result" in call and SHAPES[method](call["result"]):
                call["result"] = result
        return document

    return change


SHAPES = {
    "eth_chainId": lambda found: found == hex(CHAIN_ID),
    "eth_feeHistory": lambda found: isinstance(found, dict) and "gasUsedRatio" in found,
    "eth_getCode": lambda found: isinstance(found, str) and len(found) > 200,
    "decimals()": lambda found: found == "0x" + f"{6:064x}",
}
FEES = {"oldestBlock": "0x1", "baseFeePerGas": [hex(10**13)] * 2, "gasUsedRatio": [0.5], "reward": [[hex(10**12)] * 3]}
SEAL = ("receipt", "seal")
LIES = [
    ("ledger: another id", "GET /v1/ledger", set_to("ledger_id", to=flipped), see_head, ProofMissing),
    ("ledger: another genesis", "GET /v1/ledger", set_to("genesis_record", to=flipped), see_head, ProofMissing),
    (
        "ledger: EUR with three decimals",
        "GET /v1/ledger",
        set_to("currencies", 0, "exponent", to=3),
        pay_bob,
        TokenChanged,
    ),
    ("ledger: no currencies", "GET /v1/ledger", set_to("currencies", to=None), pay_bob, AnswerUnfit),
    ("ledger: reset", "GET /v1/ledger", other_ledger, pay_bob, HolderMissing),
    ("head: more money", "/v1/heads", set_to("head", "balances", 0, "creditsPosted", to=more), pay_bob, ProofMissing),
    ("head: other decimals", "/v1/heads", set_to("head", "balances", 0, "exponent", to="3"), see_head, ProofMissing),
    ("head: a higher count", "/v1/heads", set_to("head", "count", to=more), see_head, ProofMissing),
    ("head: another time", "/v1/heads", set_to("head", "timestamp", to=more), see_head, ProofMissing),
    ("head: another holder", "/v1/heads", set_to("head", "holder", to=flipped), see_head, ProofMissing),
    ("head: none", "/v1/heads", set_to("head", to=None), see_head, AnswerUnfit),
    ("balance: more money", "/v1/portfolio", set_to("positions", 0, "amount", to="9999.00"), see_balance, ProofMissing),
    ("balance: less free", "/v1/portfolio", set_to("positions", 0, "available", to="0.00"), see_balance, ProofMissing),
    (
        "balance: minor units",
        "/v1/portfolio",
        set_to("positions", 0, "amount_minor", to=more),
        see_balance,
        ProofMissing,
    ),
    (
        "balance: twice",
        "/v1/portfolio",
        set_to("positions", to=lambda rows: rows[:1] + rows),
        see_balance,
        ProofMissing,
    ),
    ("balance: none", "/v1/portfolio", set_to("positions", to=[]), see_balance, ProofMissing),
    ("balance: no rail", "/v1/portfolio", set_to("positions", 0, "rail", to="Ledger"), see_balance, ProofMissing),
    ("statement: a line hidden", "/v1/statements", hidden_line, see_statement, ProofMissing),
    ("statement: other sums", "/v1/statements", set_to("closing_minor", to=more), see_statement, AnswerUnfit),
    (
        "statement: a line changed",
        "/v1/statements",
        set_to("lines", 0, "amount_minor", to=more),
        see_statement,
        AnswerUnfit,
    ),
    ("statement: other decimals", "/v1/statements", set_to("decimals", to=-1), see_statement, AnswerUnfit),
    ("statement: another currency", "/v1/statements", set_to("currency", to="USD"), see_statement, AnswerUnfit),
    ("card: another holder", "GET /v1/users/", set_to("holder", to=flipped), pay_bob, ProofMissing),
    ("card: another genesis", "GET /v1/users/", set_to("genesis", to=flipped), pay_bob, ProofMissing),
    ("card: another handle", "GET /v1/users/", set_to("handle", to="b0bby"), pay_bob, ProofMissing),
    ("address: another", "/address", set_to("address", to="0x" + "77" * 20), send_ether, ProofMissing),
    ("address: another chain", "/address", set_to("chain_id", to=1), send_ether, ProofMissing),
    ("address: longer", "/address", set_to("attestation", "valid_before", to=more), send_ether, ProofMissing),
    ("sign-in: another site", "challenge", set_to("message", to=lambda t: "evil.example" + t), sign_in, ProofMissing),
    ("sign-in: another ledger", "challenge", set_to("message", to=flipped), sign_in, ProofMissing),
    ("sign-in: no sign-in", "challenge", set_to("message", to="I owe you 100 EUR"), sign_in, BytesNotUnderstood),
    ("session: another's", "POST /v1/sessions$", set_to("user", "holder", to=flipped), sign_in, ProofMissing),
    ("relay: another chain", "/v1/rpc", answered("eth_chainId", "0x1"), send_ether, WrongChain),
    ("relay: absurd fees", "/v1/rpc", answered("eth_feeHistory", FEES), send_ether, FeeTooHigh),
    ("relay: no contract", "/v1/rpc", answered("eth_getCode", "0x"), send_dusd, TokenWithoutCode),
    ("relay: other decimals", "/v1/rpc", answered("decimals()", "0x" + f"{8:064x}"), send_dusd, TokenChanged),
]


@pytest.mark.parametrize(("where", "change", "act", "refusal"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
async def test_a_lie_is_refused_before_anything_is_signed(
    scene: Scene, where: str, change: Any, act: Any, refusal: type[Exception]
) -> None:
    kept = scene.alice.kept_head
    scene.proxy.lie(where, change)
    with pytest.raises(refusal):
        await act(scene.alice)
    assert scene.proxy.told, "the lie was not told"
    assert not [called for called in scene.proxy.seen if called.startswith("PUT /v1/orders")]
    scene.proxy.be_honest()
    await see_head(scene.alice)
    assert scene.alice.kept_head["count"] == kept["count"], "the control: the truth is taken again, and nothing moved"


@pytest.mark.parametrize("act", [see_head, see_balance, see_statement, sign_in, pay_bob, send_ether, send_dusd])
async def test_the_control_everything_works_through_an_honest_proxy(scene: Scene, act: Any) -> None:
    scene.proxy.lie(".", lambda document: document | {"new": 1} if isinstance(document, dict) else document)
    await act(scene.alice)
    assert scene.proxy.told, "a member that is new is no lie"


RECEIPTS = [
    ("no receipt", set_to("receipt", to=None), AnswerUnfit),
    ("another root", set_to(*SEAL, "root", to=flipped), ProofMissing),
    ("another number", set_to(*SEAL, "number", to=more), ProofMissing),
    ("another time", set_to(*SEAL, "timestamp", to=more), ProofMissing),
    ("another signature", set_to(*SEAL, "signature", to=lambda text: "0x" + "11" * 64 + "1b"), ProofMissing),
    ("a longer path", set_to("receipt", "path", to=lambda path: [*path, "0x" + "00" * 32]), ProofMissing),
    ("another record", set_to("receipt", "record", to=flipped), ProofMissing),
    ("another order's number beside it", set_to("nonce", to=flipped), AnswerUnfit),
    ("a terminal's commands for a number", set_to("nonce", to="\x1b]0;paid\x07"), AnswerUnfit),
    ("no time", set_to("at", to="\x1b[2J"), AnswerUnfit),
]


@pytest.mark.parametrize(("change", "refusal"), [row[1:] for row in RECEIPTS], ids=[row[0] for row in RECEIPTS])
async def test_a_false_receipt_is_no_receipt_and_the_order_can_be_asked_for_again(
    scene: Scene, change: Any, refusal: type[Exception]
) -> None:
    scene.proxy.lie("PUT /v1/orders", change)
    with pytest.raises(refusal):
        await pay_bob(scene.alice)
    (nonce,) = [called.rpartition("/")[2] for called in scene.proxy.seen if called.startswith("PUT /v1/orders")]
    orders = scene.alice.folder.below("orders")
    assert orders.read(nonce)["state"] == "sent"
    scene.proxy.be_honest()
    async with scene.alice.wallet() as wallet:
        plan = await wallet.plan_transfer(Money(1, await wallet.currency("EUR")), read_payee(BOB))
        assert (Caution.UNANSWERED in plan.review.cautions, nonce in wallet.unanswered) == (True, True)
        with pytest.raises(YesRefused):
            approve(Run(scene.alice.config, True, True), plan.review, "")
        await wallet.repeat_order(nonce)
        assert nonce not in wallet.client.unanswered()
    assert orders.read(nonce)["state"] == "accepted"


async def test_the_receipt_of_another_order_is_refused(scene: Scene) -> None:
    first = await pay(scene.alice, BOB, 1)
    scene.proxy.lie("PUT /v1/orders", set_to("receipt", to=first["receipt"]))
    with pytest.raises(ProofMissing, match="another order"):
        await pay(scene.alice, BOB, 1)


async def test_a_kept_receipt_survives_whatever_comes_of_asking_again(scene: Scene) -> None:
    nonce = (await pay(scene.alice, BOB, 1))["nonce"]
    before = scene.alice.folder.below("orders").read(nonce)
    scene.proxy.lie("PUT /v1/orders", lambda document: (503, {"slug": "busy"}))
    async with scene.alice.wallet() as wallet:
        with pytest.raises(OutcomeUnknown):
            await wallet.repeat_order(nonce)
    assert scene.alice.folder.below("orders").read(nonce) == before


async def heads_of(scene: Scene, person: Person, since: int = 0) -> dict[str, Any]:
    async with person.wallet() as wallet:
        return await wallet.client.get(f"/heads?since={since}", session=True)


async def test_an_older_head_is_refused(scene: Scene) -> None:
    older = await heads_of(scene, scene.alice)
    await pay(scene.alice, BOB, 1)
    await see_head(scene.alice)
    scene.proxy.lie("/v1/heads|/v1/portfolio", set_to("head", to=older["head"]))
    for act in (see_head, pay_bob):
        with pytest.raises(HeadRefused):
            await act(scene.alice)
    with pytest.raises(HeadRefused):
        await see_balance(scene.alice)


@pytest.mark.parametrize("change", [lambda leaves: leaves[1:], lambda leaves: [flipped(leaves[0]), *leaves[1:]]])
async def test_records_that_are_hidden_or_changed_are_noticed(scene: Scene, change: Any) -> None:
    await pay(scene.alice, BOB, 1)
    scene.proxy.lie("/v1/heads", set_to("leaves", to=change))
    with pytest.raises(HeadRefused):
        await see_head(scene.alice)


async def test_an_operator_who_signs_another_history_is_caught(scene: Scene) -> None:
    """The strongest liar has the operator's own key: what was signed before still binds it."""
    key: SigningKey = open_key(scene.stage.folder / "server")
    await see_head(scene.alice)
    async with scene.alice.wallet() as wallet:
        ledger, me = await wallet.client.ledger(), wallet.client.me
    forked = chain_head(scene.alice.holder, b"\1" * 32, b"\2" * 32)

    def sign_anew(document: Any) -> Any:
        text = document["head"]
        head = read_head("x", text, ledger.id, ledger.operator, bytes.fromhex(me["holder"]))
        values = {name: getattr(head, name) for name in head.__slots__ if name not in ("head", "signature")}
        signature = key.sign_digest(type(head)(**values, head=forked).digest(ledger.id))
        return document | {"head": text | {"head": "0x" + forked.hex(), "signature": "0x" + signature.hex()}}

    scene.proxy.lie("/v1/heads", sign_anew)
    with pytest.raises(HeadRefused):
        await see_head(scene.alice)


async def test_another_key_than_the_operators_signs_nothing(scene: Scene) -> None:
    stranger = SigningKey(PrivateKey(b"\3" * 32))
    scene.proxy.lie("/v1/heads", set_to("head", "signature", to="0x" + stranger.sign_digest(b"\4" * 32).hex()))
    with pytest.raises(ProofMissing):
        await see_head(scene.alice)


def named(document: Any, card: dict[str, Any]) -> Any:
    """Somebody else's true card under the name that was asked for."""
    return card | {"handle": document["handle"]}


async def card_of(person: Person, handle: str) -> dict[str, Any]:
    async with person.wallet() as wallet:
        return await wallet.client.get(f"/users/{handle}")


async def test_a_known_handle_that_names_somebody_else_is_refused(scene: Scene) -> None:
    mallory = await card_of(scene.alice, "mallory")
    scene.proxy.lie("GET /v1/users/bobby", lambda document: named(document, mallory))
    for act in (pay_bob, send_ether):
        with pytest.raises(PayeeChanged):
            await act(scene.alice)


async def test_the_fingerprint_that_was_typed_decides_at_the_first_payment(scene: Scene) -> None:
    true, false = await card_of(scene.mallory, "bobby"), await card_of(scene.mallory, "mallory")
    typed = f"{BOB}#{true['fingerprint'].replace(' ', '')}"
    scene.proxy.lie(
        "GET /v1/users/bobby", lambda document: named(document, false) | {"fingerprint": true["fingerprint"]}
    )
    async with scene.bob.wallet() as wallet:
        with pytest.raises(PayeeChanged):
            await wallet.resolve(read_payee(typed))


async def test_who_was_reviewed_is_who_is_pinned(scene: Scene) -> None:
    """The server names the true payee until the transaction is sent, and another one after it."""
    false = await card_of(scene.alice, "bobby")
    async with scene.alice.wallet() as wallet:
        eth = wallet.purse.token("ETH")
        assert eth is not None
        rail = TokenRail(wallet)
        plan = await rail.plan(TokenAmount.parse("0.001", eth), read_payee("@mallory"))
        assert Caution.FIRST_TIME in plan.review.cautions
        scene.proxy.lie("GET /v1/users/mallory", lambda document: named(document, false))
        await rail.send(plan)
        assert wallet.client.pin("mallory") == scene.mallory.holder


async def test_a_fee_that_is_out_of_proportion_is_shown_and_not_taken_by_yes(scene: Scene) -> None:
    scene.proxy.lie(
        "GET /v1/ledger",
        set_to("fees", to=[{"kind": "transfer", "currency": "EUR", "fixed_minor": "900", "rate_ppm": 0}]),
    )
    async with scene.alice.wallet() as wallet:
        plan = await wallet.plan_transfer(Money(100, await wallet.currency("EUR")), read_payee(BOB))
    shown = {fact.label: fact.value for fact in plan.review.facts}
    assert (shown[Label.FEE_MAX], shown[Label.TOTAL]) == ("9.00 EUR", "10.00 EUR")
    assert Caution.FEE_HIGH in plan.review.cautions
    with pytest.raises(YesRefused):
        approve(Run(scene.alice.config, True, True), plan.review, "")


async def test_a_server_whose_time_is_off_gets_no_order(scene: Scene) -> None:
    scene.proxy.headers["Tandem-Time"] = "1000000000000000000"
    with pytest.raises(ClockWrong):
        await pay_bob(scene.alice)
    assert not [called for called in scene.proxy.seen if called.startswith("PUT /v1/orders")]


async def test_a_ledger_that_was_reset_takes_nothing_of_the_old_one_along(scene: Scene) -> None:
    kept, pin = scene.alice.kept_head, scene.alice.folder.read("pins")
    scene.proxy.lie("GET /v1/ledger", other_ledger)
    async with scene.alice.wallet() as wallet:
        await wallet.client.ledger()
        assert wallet.client.notices == ["ledger-replaced"]
        assert wallet.client.folder.read("pins") == {} and wallet.client.folder.read("head") == {}
    scene.proxy.be_honest()
    await see_head(scene.alice)
    assert scene.alice.folder.read("pins") == pin and scene.alice.kept_head["count"] == kept["count"]


async def test_i06_a_servers_words_never_reach_the_terminal_as_they_are(scene: Scene) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202eupdate at http://evil\n" + "x" * 500
    scene.proxy.lie("/v1/heads", lambda document: (422, {"slug": evil, "title": evil, "detail": evil, "code": evil}))
    with pytest.raises(ServerRefused) as refused:
        await see_head(scene.alice)
    sentence = problem_of(refused.value).sentence
    assert sentence.isprintable() and len(sentence) < 500


def secrets_of(person: Person) -> dict[str, bytes]:
    keys = KeyTree(readings(person.phrase)[0].seed())
    raw = {"root key": keys.root().raw, "account key": keys.account(0).raw}
    written = {f"{name} in hex": key.hex().encode() for name, key in raw.items()}
    return {"phrase": person.phrase.encode(), "password": PASSWORD.encode(), **raw, **written}


async def test_i25_the_server_never_holds_what_belongs_to_a_person(scene: Scene) -> None:
    """Memory, environment, arguments, database and log of the server, after everything above was asked of it."""
    await pay(scene.alice, BOB, 1)
    process, folder = Path(f"/proc/{scene.stage.server.pid}"), scene.stage.folder
    places = {name: (process / name).read_bytes() for name in ("environ", "cmdline")}
    places["memory"] = readable_memory(scene.stage.server.pid)
    places |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = [
        (person.name, what, place)
        for person in (scene.alice, scene.bob)
        for what, secret in secrets_of(person).items()
        for place, content in places.items()
        if secret in content
    ]
    assert not found
    assert scene.alice.holder in places["memory"], "the control: what it does know is seen"
    assert any(scene.alice.holder in content for place, content in places.items() if place.startswith("/"))


async def test_a_restarted_chain_is_said_and_taken_up_on_this_machine_only(scene: Scene) -> None:
    await send_ether(scene.alice)

    def another_genesis(document: Any) -> Any:
        for call in document if isinstance(document, list) else [document]:
            if isinstance(call.get("result"), dict) and call["result"].get("number") == "0x0":
                call["result"]["hash"] = "0x" + "9" * 64
        return document

    scene.proxy.lie("/v1/rpc", another_genesis)
    async with scene.alice.wallet() as wallet:
        eth = wallet.purse.token("ETH")
        assert eth is not None
        await TokenRail(wallet).plan(TokenAmount.parse("0.001", eth), read_payee(BOB))
        assert wallet.purse.notices == ["chain-restarted"]
    async with scene.alice.wallet() as wallet:
        wallet.purse.network = replace(
            wallet.purse.network, url=wallet.purse.network.url.replace("127.0.0.1", "0.0.0.0")
        )
        scene.proxy.be_honest()
        with pytest.raises(WrongGenesis):
            await TokenRail(wallet).plan(TokenAmount.parse("0.001", eth), read_payee(BOB))
    await send_ether(scene.alice)
