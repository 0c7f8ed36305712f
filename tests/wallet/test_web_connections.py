"""Connections over plain HTTP: what a site was given, when it last asked; taken back, it counts at the door."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.wallet.policies import allow
from tests.wallet.web_browser import PASSWORD, SITE, person
from wallet.approvals import Kind
from wallet.state import Store
from wallet.uses import Uses

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alice(tmp_path_factory):
    async with person(tmp_path_factory.mktemp("connections")) as made:
        yield made


async def test_what_a_site_was_given_is_there_until_it_is_taken_back(alice):
    assert "Nobody was let in yet" in (await alice.get("/connections")).text
    account = await alice.connect()
    seen = await alice.get("/connections")
    assert SITE in seen.text and "ask you for signatures" in seen.text and account in seen.text.lower()
    assert "not yet" in seen.text, "it has asked for nothing since it was let in"
    assert (await alice.site("eth_accounts"))["result"] == [account]
    seen = await alice.get("/connections")
    assert "not yet" not in seen.text and "UTC" in seen.text
    done = await alice.act("/connections/revoke", client=SITE)
    assert done.status == 200 and "Taken back" in done.text and "Nobody was let in yet" in done.text
    assert (await alice.site("eth_accounts"))["result"] == []
    again = await alice.act("/connections/revoke", client=SITE)
    assert again.status == 422 and "<html" not in again.text


async def test_a_program_gets_an_address_and_bad_names_do_not(alice):
    done = await alice.act("/connections/pair", name="hardhat")
    assert (
        f"127.0.0.1:{alice.running.dapp_port}/p/hardhat" in done.text and 'data-client="program:hardhat"' in done.text
    )
    for name in ("", "UPPER", "<b>x</b>", "a" * 40, "../x"):
        refused = await alice.act("/connections/pair", name=name)
        assert refused.status == 422 and "<b>x" not in refused.text
    assert alice.running.host.book.programs == {"hardhat"}
    await alice.act("/connections/revoke", client="program:hardhat")
    assert alice.running.host.book.programs == frozenset()


async def test_the_extension_gets_six_digits(alice):
    seen = await alice.act("/connections/extension")
    digits = "".join(c for c in seen.text.partition("</p>")[0] if c.isdigit())
    assert len(digits) == 6 and "within 2 minutes" in seen.text


async def test_rules_are_shown_in_full_and_go_with_the_password(alice):
    rule = allow(client=SITE, kinds=(Kind.TRANSACTION,))
    await alice.signer.add_rule(PASSWORD, rule.to_json(), "")
    await alice.connect()
    seen = await alice.get("/connections")
    assert "without asking, by a rule: transactions" in seen.text and "20 DUSD a day" in seen.text
    wrong = await alice.act("/connections/rule", rule="r1", password="not it")
    assert wrong.status == 409 and len((await alice.signer.policy())["policy"]["rules"]) == 1
    gone = await alice.act("/connections/rule", rule="r1", password=PASSWORD)
    assert gone.status == 200 and "without asking" not in gone.text
    assert (await alice.signer.policy())["policy"]["rules"] == []


async def test_uses_are_kept_by_the_minute_of_those_that_are_granted_alone(tmp_path):
    store = Store(tmp_path)
    uses = Uses(store)
    uses.touch(SITE, 1000)
    uses.touch("https://gone.example", 1000)
    uses.touch("process:1:2", 1000)
    uses.keep({SITE: 0, "process:1:2": 0})
    assert Uses(store).last(SITE) == 1000 and Uses(store).last("https://gone.example") is None
    assert Uses(store).last("process:1:2") is None and uses.last("process:1:2") == 1000
    uses.touch(SITE, 1059)
    assert uses.last(SITE) == 1000
    uses.touch(SITE, 1060)
    uses.keep({SITE: 0})
    assert Uses(store).last(SITE) == 1060
