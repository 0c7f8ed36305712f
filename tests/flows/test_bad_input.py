"""Every bad input gets one clear sentence and the right status, live, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from api.stage import Person, Stage, open_stage

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

REFUSED, USAGE, NETWORK = 1, 2, 4


@dataclass(frozen=True)
class Scene:
    stage: Stage
    alice: Person
    bob: Person
    payee: str
    bob_address: str
    dusd: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Alice with 50.00 EUR, 5 ETH and 100 DUSD; bob with nothing."""
    async with open_stage(tmp_path_factory.mktemp("bad") / "stage", "anvil") as stage:
        alice, bob = stage.person("alice"), stage.person("bob")
        for person in (alice, bob):
            await person.ask("init", "--light", "--phrase-file", str(person.home.with_suffix(".phrase")))
            await person.ask("register", person.name, "--yes")
        address = (await alice.ask("accounts"))["accounts"][0]["address"]
        funded = await stage.operate("devnet", "fund", address, "--eth", "5", "--dusd", "100")
        assert funded.status == 0, funded.stderr
        await alice.ask("topup", "50.00", "EUR")
        fingerprint = (await bob.ask("receive", "EUR"))["fingerprint"].replace(" ", "")
        bob_address = (await bob.ask("accounts"))["accounts"][0]["address"]
        tokens = (await stage_tokens(alice))["DUSD"]
        await alice.ask("unlock")  # one signer for all commands: each would otherwise start its own
        yield Scene(stage, alice, bob, f"@bob#{fingerprint}", bob_address, tokens)
        await alice.ask("lock")


async def stage_tokens(person: Person) -> dict[str, str]:
    view = await person.ask("balance")
    return {p["asset"]: p["contract"] for p in view["positions"] if p.get("contract")}


async def holdings(person: Person) -> dict[str, str]:
    return {p["asset"]: p["amount"] for p in (await person.ask("balance"))["positions"]}


BAD = [
    (["send", "0", "EUR", "PAYEE"], USAGE, "amount-not-positive"),
    (["send", "--", "-1", "EUR", "PAYEE"], USAGE, "amount-not-positive"),
    (["send", "1.001", "EUR", "PAYEE"], USAGE, "amount-too-precise"),
    (["send", "1e3", "EUR", "PAYEE"], USAGE, "amount-malformed"),
    (["send", "NaN", "EUR", "PAYEE"], USAGE, "amount-malformed"),
    (["send", "1,000", "EUR", "PAYEE"], USAGE, "amount-malformed"),
    (["send", "１２", "EUR", "PAYEE"], USAGE, "amount-malformed"),
    (["send", str(2**63), "EUR", "PAYEE"], USAGE, "amount-too-large"),
    (["send", "0.0000001", "DUSD", "PAYEE"], USAGE, "amount-too-precise"),
    (["send", "1", "EUR", "@nobody"], REFUSED, "not_found"),
    (["send", "1", "EUR", "@bob#0000000000000000"], REFUSED, "payee-changed"),
    (["send", "1", "ETH", "0x52908400098527886E0F7030069857D2E4169Ee7"], USAGE, "address-checksum-wrong"),
    (["send", "1", "ETH", "0x0000000000000000000000000000000000000000"], USAGE, "receiver-refused"),
    (["send", "1", "DUSD", "DUSD-CONTRACT"], USAGE, "receiver-refused"),
    (["send", "51.00", "EUR", "PAYEE"], REFUSED, "funds-missing"),
    (["send", "101", "DUSD", "PAYEE"], REFUSED, "funds-missing"),
    (["send", "5", "ETH", "PAYEE"], REFUSED, "insufficient-native"),
    (["withdraw", "20", "EUR", "--to", "iban:DE00370400440532013000"], USAGE, "input-malformed"),
    (["withdraw", "51", "EUR", "--to", "iban:DE89370400440532013000"], REFUSED, "funds-missing"),
    (["topup", "0", "EUR"], USAGE, "amount-not-positive"),
    (["register", "alice2"], REFUSED, "holder_already_registered"),
]


@pytest.mark.parametrize(("command", "status", "slug"), BAD, ids=[" ".join(row[0])[:50] for row in BAD])
async def test_one_sentence_the_right_status_and_nothing_changes(
    scene: Scene, command: list[str], status: int, slug: str
) -> None:
    named = {"PAYEE": scene.payee, "DUSD-CONTRACT": scene.dusd}
    words = [named.get(word, word) for word in command]
    confirmed = ["--yes"] if command[0] in ("send", "withdraw", "register") else []
    said = await scene.alice.tandem(words[0], *confirmed, "--json", *words[1:])
    assert said.status == status, said.stdout + said.stderr
    assert said.json["slug"] == slug
    sentence = said.json["detail"]
    assert sentence and "\n" not in sentence and "Traceback" not in said.stderr
    assert await holdings(scene.alice) == {"EUR": "50.00", "ETH": "5", "DUSD": "100"}


async def test_what_is_fine_still_works(scene: Scene) -> None:
    """The control: the same commands with good input do change something."""
    before = await holdings(scene.alice)
    await scene.alice.ask("send", "1.00", "EUR", scene.payee, "--yes")
    await scene.alice.ask("send", "1", "DUSD", scene.payee, "--yes")
    after = await holdings(scene.alice)
    assert (before["EUR"], after["EUR"]) == ("50.00", "49.00")
    assert (before["DUSD"], after["DUSD"]) == ("100", "99")


async def test_a_wrong_password_and_a_damaged_vault_look_alike(scene: Scene, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password\n")
    vault = scene.bob.home / "vault.json"
    original = vault.read_bytes()
    first = await scene.bob.tandem("login", TANDEM_PASSWORD_FILE=str(wrong))
    vault.write_bytes(original.replace(b'"backed_up": false', b'"backed_up": true'))
    try:
        second = await scene.bob.tandem("login")
    finally:
        vault.write_bytes(original)
    assert (first.status, first.stderr) == (second.status, second.stderr)
    assert first.status == REFUSED


async def test_a_wrong_phrase_names_the_word(scene: Scene) -> None:
    phrase = "abandon " * 11 + "abandonn\n"
    person = scene.stage.person("carol")
    misspelt = await person.tandem("restore", "--light", "--json", stdin=phrase)
    assert misspelt.status == REFUSED and "abandonn" in misspelt.stdout and "abandon" in misspelt.stdout
    checksum = await person.tandem("restore", "--light", "--json", stdin="abandon " * 12 + "\n")
    assert checksum.status == REFUSED and "checksum" in checksum.stdout.lower()
    assert not (person.home / "vault.json").exists()


async def test_no_terminal_and_no_yes_does_nothing(scene: Scene) -> None:
    before = await holdings(scene.alice)
    said = await scene.alice.tandem("send", "1", "EUR", scene.payee)
    assert said.status == USAGE
    assert await holdings(scene.alice) == before


async def test_the_server_gone_is_status_4_and_tokens_still_move_through_an_own_node(scene: Scene) -> None:
    await scene.stage.stop_server()
    try:
        for command in (["balance"], ["send", "1", "EUR", scene.payee, "--yes"], ["topup", "1", "EUR"]):
            said = await scene.alice.tandem(*command)
            assert said.status == NETWORK, said.stderr
            assert len(said.stderr.strip().splitlines()) <= 2
        own_node = {"TANDEM_RPC": scene.stage.chain_url}
        done = await scene.alice.tandem("send", "0.01", "ETH", scene.bob_address, "--yes", **own_node)
        assert done.status == 0, done.stderr
    finally:
        await scene.stage.restart_server()


async def test_the_chain_away_is_said_and_fiat_still_moves(scene: Scene) -> None:
    said = await scene.alice.tandem("send", "0.01", "ETH", scene.payee, "--yes", TANDEM_RPC="http://127.0.0.1:9")
    assert said.status == NETWORK, said.stdout + said.stderr
    done = await scene.alice.tandem("send", "1.00", "EUR", scene.payee, "--yes", TANDEM_RPC="http://127.0.0.1:9")
    assert done.status == 0, done.stderr
