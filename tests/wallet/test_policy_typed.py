"""Rules as they are typed: what is meant by the words, what is filled in, what is told to be wrong."""

from __future__ import annotations

import pytest

from chain.errors import AddressMalformed, AmountMalformed, AmountTooPrecise
from tests.wallet.policies import BOB, CHAIN, COIN, DOLLAR, DUSD, NOW, PAGE
from wallet.approvals import Kind
from wallet.errors import AssetUnknown, InputMalformed
from wallet.policy import Limit, Rule, Verdict, Worth
from wallet.policy_typed import Typed, client_key, rule_of
from wallet.purse import TOKENS

SENDING = {"client": PAGE, "kinds": ("send_transaction",)}


def made(verdict=Verdict.ALLOW, **words):
    return rule_of(Typed(verdict, **words), CHAIN, TOKENS, NOW)


def test_a_payment_rule_gets_chain_and_fees():
    rule = made(**SENDING, up_to=("10 DUSD",), a_day=("50 dusd",))
    assert rule == Rule(
        "r1",
        Verdict.ALLOW,
        PAGE,
        (Kind.TRANSACTION,),
        CHAIN,
        limits=(Limit(DUSD, 10 * DOLLAR, 50 * DOLLAR),),
        fees_a_day=10**16,
    )


def test_where_coins_are_limited_fees_count_among_them():
    rule = made(**SENDING, a_day=("0.5 ETH",))
    assert (rule.limits, rule.fees_a_day) == ((Limit(COIN, None, 5 * 10**17),), 0)
    assert made(**SENDING, a_day=("1 DUSD",), fees="0.5").fees_a_day == 5 * 10**17


def test_everything_that_can_be_said():
    rule = made(
        client="shop",
        kinds=("send_transaction", "sign_typed_data"),
        chain_id=CHAIN,
        account=BOB,
        recipients=(BOB.lower(),),
        contracts=(DUSD.address,),
        functions=("transfer(address,uint256)", "0x095EA7B3"),
        up_to=("10 DUSD",),
        worth_a_day="100 EUR",
        token="DUSD",
        price="0.80-1.2",
        hours="22:00-06:30",
        until="7d",
        simulated=False,
        note="for the shop",
    )
    assert (rule.client, rule.account, rule.recipients) == ("program:shop", BOB, (BOB,))
    assert rule.selectors == ("0xa9059cbb", "0x095ea7b3")
    assert rule.limits == (Limit(DUSD, 10 * DOLLAR, None, Worth("EUR", 2, 10_000, 8 * 10**8, 12 * 10**8)),)
    assert (rule.hours, rule.until, rule.simulated) == ((22 * 60, 6 * 60 + 30), NOW + 7 * 86_400, False)


def test_a_refusing_rule_is_for_every_chain_unless_an_amount_is_named():
    assert made(Verdict.DENY, client="*").chain_id is None
    rule = made(Verdict.ASK, client="*", over=("100 DUSD",))
    assert (rule.chain_id, rule.limits) == (CHAIN, (Limit(DUSD, 100 * DOLLAR),))
    assert made(client=PAGE, kinds=("sign_message",)).chain_id is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://app.example", "https://app.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("tandem", "tandem"),
        ("*", "*"),
        ("hardhat", "program:hardhat"),
        ("program:hardhat", "program:hardhat"),
    ],
)
def test_who_is_meant(text, key):
    assert client_key(text) == key


@pytest.mark.parametrize("text", ["", "https://app.example/", "app.example/path", "Hard Hat", "http://app.example:80"])
def test_who_is_nobody(text):
    with pytest.raises(InputMalformed):
        client_key(text)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"a_day": ("10",)}, InputMalformed),
        ({"a_day": ("10DUSD",)}, InputMalformed),
        ({"a_day": ("-1 DUSD",)}, InputMalformed),
        ({"a_day": ("1.. DUSD",)}, AmountMalformed),
        ({"a_day": ("0.0000001 DUSD",)}, AmountTooPrecise),
        ({"a_day": ("10 NOPE",)}, AssetUnknown),
        ({"up_to": ("10 DUSD",)}, InputMalformed),
        ({"a_day": ("10 DUSD",), "over": ("20 DUSD",), "verdict": Verdict.DENY}, InputMalformed),
        ({"worth_a_day": "100 EUR"}, InputMalformed),
        ({"worth_a_day": "100 XXX", "token": "DUSD", "price": "1-2"}, InputMalformed),
        ({"worth_a_day": "100 EUR", "token": "DUSD", "price": "1"}, InputMalformed),
        ({"worth_a_day": "100 EUR", "token": "DUSD", "price": "2-1"}, InputMalformed),
        ({"recipients": ("bob",)}, AddressMalformed),
        ({"functions": ("transfer",)}, InputMalformed),
        ({"functions": ("transfer(address, uint256)",)}, InputMalformed),
        ({"hours": "8-20"}, InputMalformed),
        ({"hours": "24:00-25:00"}, InputMalformed),
        ({"until": "tomorrow"}, InputMalformed),
        ({"fees": "much"}, AmountMalformed),
        ({"kinds": ()}, InputMalformed),
    ],
)
def test_what_is_wrong_is_told(words, error):
    with pytest.raises(error):
        made(**{**SENDING, **words})
