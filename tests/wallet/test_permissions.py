"""Grants by client, in EIP-2255's words; and who hears of a change."""

from __future__ import annotations

import pytest

from chain.address import Address
from wallet.errors import AccountUnknown, RpcRefused
from wallet.happenings import Event, between, connected, to_whom
from wallet.permissions import (
    GRANTS_MAX,
    Grant,
    Seen,
    in_order,
    permitted,
    permitted_account,
    read_requested,
    seen,
    told,
    with_grant,
    without,
)
from wallet.rpc import Code

ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
PAGE, OTHER = "https://app.example", "http://app.example"
GRANT = Grant(PAGE, (ALICE,), 31337, 1_700_000_000)
GRANTS = {PAGE: GRANT}


def test_a_grant_survives_its_document():
    assert Grant.from_json(PAGE, GRANT.to_json()) == GRANT


def test_without_a_grant_nothing_is_seen():
    assert seen(GRANTS, OTHER, 1) == Seen((), 1)
    assert told(GRANTS, OTHER, OTHER) == []
    with pytest.raises(RpcRefused) as caught:
        permitted(GRANTS, OTHER)
    assert caught.value.number == Code.UNAUTHORISED


def test_accounts_are_lower_case_and_the_chain_is_the_origins_own():
    assert seen(GRANTS, PAGE, 1) == Seen((ALICE.lower(),), 31337)
    assert seen(GRANTS, PAGE, 1).chain_hex == "0x7a69"


def test_the_scheme_is_part_of_the_origin():
    both = with_grant(GRANTS, Grant(OTHER, (BOB,), 1, 0))
    assert seen(both, PAGE, 5).accounts != seen(both, OTHER, 5).accounts
    assert set(without(both, PAGE)) == {OTHER}


def test_an_account_that_was_not_granted():
    assert permitted_account(GRANT, None) == permitted_account(GRANT, ALICE) == ALICE
    with pytest.raises(RpcRefused) as caught:
        permitted_account(GRANT, BOB)
    assert caught.value.number == Code.UNAUTHORISED


def test_permissions_as_eip_2255_has_them():
    (permission,) = told(GRANTS, PAGE, PAGE)
    assert permission["parentCapability"] == "eth_accounts" and permission["invoker"] == PAGE
    assert permission["caveats"] == [{"type": "restrictReturnedAccounts", "value": [ALICE.lower()]}]


@pytest.mark.parametrize("params", [[{"eth_accounts": {}}], [{"eth_accounts": {}, "endowment:permitted-chains": {}}]])
def test_permissions_that_can_be_asked_for(params):
    read_requested(params)


@pytest.mark.parametrize(
    "params",
    [[], {}, [{}], [1], [{"eth_sign": {}}], [{"eth_accounts": 1}], [{"endowment:permitted-chains": {}}], [{}, {}]],
)
def test_other_permissions_are_refused(params):
    with pytest.raises(RpcRefused) as caught:
        read_requested(params)
    assert caught.value.number == Code.PARAMS


def test_the_oldest_grant_makes_room():
    grants = {}
    for number in range(GRANTS_MAX + 1):
        grants = with_grant(grants, Grant(f"https://{number}.example", (ALICE,), 1, number))
    assert len(grants) == GRANTS_MAX and "https://0.example" not in grants


def test_events_say_what_changed_for_whom():
    before = Seen((ALICE.lower(),), 1)
    assert between(before, before) == []
    assert between(before, Seen((), 31337)) == [
        Event("chainChanged", "0x7a69"),
        Event("networkChanged", "31337"),
        Event("accountsChanged", []),
    ]
    assert connected(before) == Event("connect", {"chainId": "0x1"})


def test_nobody_else_hears_of_it():
    after = with_grant(GRANTS, GRANT.on_chain(1))
    heard = to_whom(GRANTS, after, [PAGE, OTHER, PAGE], 31337, 31337)
    assert list(heard) == [PAGE] and [event.name for event in heard[PAGE]] == ["chainChanged", "networkChanged"]


def test_those_without_a_grant_follow_the_default_chain_and_others_do_not():
    heard = to_whom(GRANTS, GRANTS, [PAGE, OTHER], 31337, 1)
    assert {key: [event.name for event in events] for key, events in heard.items()} == {
        OTHER: ["chainChanged", "networkChanged"]
    }


def test_chosen_accounts_stand_in_the_persons_order():
    assert in_order((ALICE, BOB), (BOB, ALICE)) == (ALICE, BOB) and in_order((ALICE, BOB), (BOB,)) == (BOB,)
    with pytest.raises(AccountUnknown):
        in_order((ALICE,), (ALICE, BOB))
