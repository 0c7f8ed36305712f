"""Controls: one line for who asks what of which holder, and what comes of it: at once, after 48 hours, or refused."""

from __future__ import annotations

import pytest

from chain.typed_data import TypedData
from fiat.authority import Keys
from fiat.control import (
    ACTIONS,
    DELAY_NS,
    KEYS_MAX,
    REASONS,
    AddedKey,
    added_keys,
    contract_key,
    control,
    keyring_bytes,
    keys_at,
)
from fiat.errors import ControlRefused, FiatError
from fiat.holder import Holder
from fiat.limit import LIMIT_MAX, LIMITS_MAX, NO_LIMIT, LimitKey, OwnLimit, Raise, limits_bytes, own_limits
from fiat.order import LedgerControl, contract_key_digest
from fiat.record import KeyAction

NOW = 1_800_000_000 * 10**9
HOUR = 3600 * 10**9
ROOT, SPENDING, SECOND, COMING, NEW, STRANGER = (bytes([n]) * 20 for n in range(1, 7))
ADDING, RAISING, OTHER = (bytes([n]) * 32 for n in (0xA, 0xB, 0xC))
TRANSFERS, HOLDS = LimitKey.parse("transfer:EUR:day"), LimitKey.parse("hold:EUR:day")

LIVED = Holder(
    id=bytes(range(32)),
    root=ROOT,
    recovery=0,
    blind=bytes(32),
    epoch=3,
    frozen=False,
    count=9,
    head=bytes(32),
    keyring=keyring_bytes(
        [
            AddedKey(SPENDING, NOW - HOUR, bytes([1]) * 32),
            AddedKey(SECOND, NOW, bytes([2]) * 32),
            AddedKey(COMING, NOW + HOUR, ADDING),
        ]
    ),
    limits=limits_bytes({TRANSFERS: OwnLimit(100, Raise(500, NOW + 1, RAISING)), HOLDS: OwnLimit(50)}),
)
"""Somebody with two spending keys, a third to come in an hour, a limit with a raise that waits, and one without."""
FROZEN = LIVED._replace(frozen=True)
FULL = LIVED._replace(keyring=keyring_bytes(AddedKey(bytes([n]) * 20, NOW, bytes(32)) for n in range(100, 115)))
MANY = LIVED._replace(
    limits=limits_bytes(
        {
            LimitKey.parse(f"{kind}:AA{chr(65 + i)}:{period}"): OwnLimit(7)
            for i in range(10)
            for kind in ("transfer", "withdrawal", "conversion", "hold", "mandate", "all")
            for period in ("day", "month")
        }
    )
)


def key(address):
    return bytes(12) + address


def subject(text):
    return text.encode().ljust(32, b"\0")


ZERO = bytes(32)
T, H, W = TRANSFERS.subject, HOLDS.subject, subject("withdrawal:EUR:month")
NONE = NO_LIMIT
# action, subject, value, who signs, of whom -> now, +48h, or the error (with its reason).
RULES = [
    ("key-add", key(NEW), 0, ROOT, LIVED, "+48h"),
    ("key-add", key(NEW), 0, SPENDING, LIVED, "ControlNeedsRoot"),
    ("key-add", key(NEW), 0, COMING, LIVED, "OrderKeyUnknown"),
    ("key-add", key(NEW), 0, STRANGER, LIVED, "OrderKeyUnknown"),
    ("key-add", key(NEW), 1, ROOT, LIVED, "OrderMalformed"),
    ("key-add", key(NEW), 0, ROOT, FROZEN, "HolderFrozen"),
    ("key-add", key(NEW), 0, ROOT, FULL, "keys_too_many"),
    ("key-add", key(bytes([100]) * 20), 0, ROOT, FULL, "key_known"),
    ("key-add", key(ROOT), 0, ROOT, LIVED, "key_known"),
    ("key-add", key(SPENDING), 0, ROOT, LIVED, "key_known"),
    ("key-add", key(COMING), 0, ROOT, LIVED, "key_known"),
    ("key-add", ZERO, 0, ROOT, LIVED, "OrderMalformed"),
    ("key-add", bytes([1]) + key(NEW)[1:], 0, ROOT, LIVED, "OrderMalformed"),
    ("key-revoke", key(SPENDING), 0, ROOT, LIVED, "now"),
    ("key-revoke", key(SPENDING), 0, SPENDING, LIVED, "now"),
    ("key-revoke", key(SPENDING), 0, SECOND, LIVED, "ControlNeedsRoot"),
    ("key-revoke", key(COMING), 0, ROOT, LIVED, "now"),
    ("key-revoke", key(COMING), 0, SPENDING, LIVED, "ControlNeedsRoot"),
    ("key-revoke", key(ROOT), 0, ROOT, LIVED, "key_is_root"),
    ("key-revoke", key(ROOT), 0, SPENDING, LIVED, "key_is_root"),
    ("key-revoke", key(NEW), 0, ROOT, LIVED, "key_unknown"),
    ("key-revoke", key(SPENDING), 7, ROOT, LIVED, "OrderMalformed"),
    ("key-revoke", ZERO, 0, ROOT, LIVED, "OrderMalformed"),
    ("key-revoke", key(SPENDING), 0, ROOT, FROZEN, "now"),
    ("freeze", ZERO, 0, ROOT, LIVED, "now"),
    ("freeze", ZERO, 0, SPENDING, LIVED, "now"),
    ("freeze", ZERO, 0, STRANGER, LIVED, "OrderKeyUnknown"),
    ("freeze", ZERO, 0, ROOT, FROZEN, "HolderFrozen"),
    ("freeze", key(NEW), 0, ROOT, LIVED, "OrderMalformed"),
    ("freeze", ZERO, 1, ROOT, LIVED, "OrderMalformed"),
    ("unfreeze", ZERO, 0, ROOT, FROZEN, "now"),
    ("unfreeze", ZERO, 0, SPENDING, FROZEN, "ControlNeedsRoot"),
    ("unfreeze", ZERO, 0, ROOT, LIVED, "not_frozen"),
    ("unfreeze", key(NEW), 0, ROOT, FROZEN, "OrderMalformed"),
    ("limit", T, 99, ROOT, LIVED, "now"),
    ("limit", T, 99, SPENDING, LIVED, "now"),
    ("limit", T, 100, SPENDING, LIVED, "now"),
    ("limit", T, 0, SPENDING, LIVED, "now"),
    ("limit", T, 101, SPENDING, LIVED, "ControlNeedsRoot"),
    ("limit", T, 101, ROOT, LIVED, "raise_pending"),
    ("limit", H, 51, ROOT, LIVED, "+48h"),
    ("limit", H, 51, SPENDING, LIVED, "ControlNeedsRoot"),
    ("limit", H, NONE, ROOT, LIVED, "+48h"),
    ("limit", H, NONE, SPENDING, LIVED, "ControlNeedsRoot"),
    ("limit", H, LIMIT_MAX + 1, ROOT, LIVED, "OrderMalformed"),
    ("limit", H, NONE + 1, ROOT, LIVED, "OrderMalformed"),
    ("limit", W, LIMIT_MAX, SPENDING, LIVED, "now"),  # there was none, so any is lower
    ("limit", W, NONE, SPENDING, LIVED, "now"),
    ("limit", subject("card:EUR:day"), 1, ROOT, LIVED, "OrderMalformed"),
    ("limit", ZERO, 1, ROOT, LIVED, "OrderMalformed"),
    ("limit", H, 49, SPENDING, FROZEN, "now"),
    ("limit", H, 51, ROOT, FROZEN, "HolderFrozen"),
    ("limit", T, 1, ROOT, MANY, "limits_too_many"),
    ("mandate-revoke", OTHER, 0, SPENDING, LIVED, "now"),
    ("mandate-revoke", OTHER, 0, ROOT, FROZEN, "now"),
    ("mandate-revoke", OTHER, 0, STRANGER, LIVED, "OrderKeyUnknown"),
    ("mandate-revoke", OTHER, 5, SPENDING, LIVED, "OrderMalformed"),
    ("cancel", ADDING, 0, SPENDING, LIVED, "now"),
    ("cancel", RAISING, 0, SPENDING, LIVED, "now"),
    ("cancel", RAISING, 0, ROOT, FROZEN, "now"),
    ("cancel", ADDING, 0, STRANGER, LIVED, "OrderKeyUnknown"),
    ("cancel", OTHER, 0, ROOT, LIVED, "nothing_pending"),
    ("cancel", bytes([1]) * 32, 0, ROOT, LIVED, "nothing_pending"),  # that key signs already
    ("cancel", ZERO, 0, ROOT, LIVED, "nothing_pending"),
    ("cancel", ADDING, 1, ROOT, LIVED, "OrderMalformed"),
    ("key-steal", key(NEW), 0, ROOT, LIVED, "OrderMalformed"),
    ("KEY-ADD", key(NEW), 0, ROOT, LIVED, "OrderMalformed"),
]


def ordered(holder, action, what, value, *, nonce=bytes([9]) * 32, **changes):
    seconds = NOW // 10**9
    fields = {
        "holder": holder.id,
        "key_epoch": holder.epoch,
        "nonce": nonce,
        "valid_after": seconds - 60,
        "valid_before": seconds + 600,
        "seen_head": holder.id,
    }
    return LedgerControl(**(fields | changes), action=action, subject=what, value=value)


def asked(holder, action, what, value, signer, *, now=NOW, **fields):
    return control(holder, ordered(holder, action, what, value, **fields), signer, now, True)


@pytest.mark.parametrize(("action", "what", "value", "signer", "holder", "outcome"), RULES)
def test_who_may_do_what_and_when(action, what, value, signer, holder, outcome):
    try:
        change = asked(holder, action, what, value, signer)
    except FiatError as error:
        got = error.fields()["reason"] if isinstance(error, ControlRefused) else type(error).__name__
    else:
        got = "now" if change.effective_at == NOW else "+48h" if change.effective_at == NOW + DELAY_NS else "?"
        assert change.action is ACTIONS[action]
        assert change.key == (what[12:] if action.startswith("key-") else bytes(20))
        assert change.holder.epoch == holder.epoch + (action in ("key-revoke", "unfreeze"))
    assert got == outcome


CONTRACT_REASONS = {"contract_none", "contract_settled", "contract_used"}


def test_every_action_is_fulfilled_once_and_broken_once():
    for action in ACTIONS:
        outcomes = {line[5] for line in RULES if line[0] == action}
        assert outcomes & {"now", "+48h"}, action
        assert outcomes - {"now", "+48h"}, action
    by_other_tests = {"mandate_unknown", "mandate_revoked", *CONTRACT_REASONS}
    assert set(REASONS) - by_other_tests == {line[5] for line in RULES} & set(REASONS)


@pytest.mark.parametrize(("stands", "reason"), [(None, "mandate_unknown"), (False, "mandate_revoked")])
def test_only_a_mandate_that_stands_is_revoked(stands, reason):
    with pytest.raises(ControlRefused) as caught:
        control(LIVED, ordered(LIVED, "mandate-revoke", OTHER, 0), ROOT, NOW, stands)
    assert caught.value.fields() == {"action": "mandate-revoke", "reason": reason}


WINDOW = NOW // 10**9
STALE = [
    ({"key_epoch": 2}, "OrderEpochWrong"),
    ({"key_epoch": 4}, "OrderEpochWrong"),
    ({"valid_before": WINDOW}, "OrderExpired"),
    ({"valid_after": WINDOW + 1}, "OrderNotYetValid"),
    ({"valid_before": WINDOW + 3600}, "OrderWindowTooLong"),
]


@pytest.mark.parametrize(("fields", "error"), STALE)
def test_an_order_of_another_time_or_epoch_changes_nothing(fields, error):
    with pytest.raises(FiatError) as caught:
        asked(LIVED, "freeze", ZERO, 0, ROOT, **fields)
    assert type(caught.value).__name__ == error


def test_an_added_key_signs_from_its_instant_on():
    change = asked(LIVED, "key-add", key(NEW), 0, ROOT)
    for later, signs in ((0, False), (DELAY_NS - 1, False), (DELAY_NS, True)):
        assert (NEW in keys_at(change.holder, NOW + later).signers) is signs
    assert keys_at(LIVED, NOW) == Keys(LIVED.id, 3, frozenset({ROOT, SPENDING, SECOND}), False, ROOT)


def test_what_each_change_comes_to():
    assert asked(LIVED, "freeze", ZERO, 0, ROOT).holder == FROZEN
    assert asked(FROZEN, "unfreeze", ZERO, 0, ROOT).holder == LIVED._replace(epoch=4)
    revoked = asked(LIVED, "key-revoke", key(COMING), 0, ROOT).holder
    assert [each.key for each in added_keys(revoked.keyring)] == [SPENDING, SECOND]
    cancelled = asked(LIVED, "cancel", ADDING, 0, SPENDING).holder
    assert cancelled == revoked._replace(epoch=3)
    assert own_limits(asked(LIVED, "cancel", RAISING, 0, SECOND).holder.limits)[TRANSFERS] == OwnLimit(100)
    assert asked(LIVED, "mandate-revoke", OTHER, 0, ROOT).holder == LIVED


def test_a_limit_of_the_same_or_less_drops_the_raise_that_waits():
    for value in (100, 40):
        limits = own_limits(asked(LIVED, "limit", T, value, SPENDING).holder.limits)
        assert limits == {TRANSFERS: OwnLimit(value), HOLDS: OwnLimit(50)}


def test_a_raise_keeps_what_holds_until_its_time():
    change = asked(LIVED, "limit", H, 80, ROOT, nonce=OTHER)
    limit = own_limits(change.holder.limits)[HOLDS]
    assert limit == OwnLimit(50, Raise(80, NOW + DELAY_NS, OTHER))
    assert [limit.at(NOW + later) for later in (0, DELAY_NS - 1, DELAY_NS)] == [50, 50, 80]
    with pytest.raises(ControlRefused):
        asked(change.holder, "limit", H, 81, ROOT)
    later = change.holder
    fields = {"valid_after": (NOW + DELAY_NS) // 10**9, "valid_before": (NOW + DELAY_NS) // 10**9 + 600}
    again = asked(later, "limit", H, 81, ROOT, now=NOW + DELAY_NS, **fields)
    assert own_limits(again.holder.limits)[HOLDS].value == 80, "the first raise has come true"
    assert own_limits(again.holder.limits)[TRANSFERS] == OwnLimit(500), "and so has the other"


def test_a_lifted_limit_leaves_nothing_behind():
    lifted = asked(LIVED, "limit", H, NONE, ROOT).holder
    fields = {"valid_after": (NOW + DELAY_NS) // 10**9, "valid_before": (NOW + DELAY_NS) // 10**9 + 600}
    after = asked(lifted, "limit", T, 5, ROOT, now=NOW + DELAY_NS, **fields).holder
    assert own_limits(after.limits) == {TRANSFERS: OwnLimit(5)}


def test_the_bounds_are_what_the_tables_fill():
    assert len(added_keys(FULL.keyring)) + 1 == KEYS_MAX
    assert len(own_limits(MANY.limits)) == LIMITS_MAX


FRESH = LIVED._replace(root=STRANGER, recovery=2, epoch=1, keyring=b"", limits=b"")
CONTRACT = [
    # holder, key, has orders -> outcome
    (FRESH, NEW, False, "now"),
    (FRESH, NEW, True, "contract_used"),
    (FRESH._replace(contract=ROOT), NEW, False, "contract_settled"),
    (FRESH._replace(recovery=1), NEW, False, "contract_none"),
    (FRESH, STRANGER, False, "OrderMalformed"),
    (FRESH, bytes(20), False, "OrderMalformed"),
]


@pytest.mark.parametrize(("holder", "address", "has_orders", "outcome"), CONTRACT)
def test_a_contract_authorises_one_key_once_and_first(holder, address, has_orders, outcome):
    try:
        after = contract_key(holder, address, has_orders)
    except FiatError as error:
        assert outcome == (error.fields()["reason"] if isinstance(error, ControlRefused) else type(error).__name__)
        return
    assert outcome == "now"
    assert (after.root, after.contract, after.epoch) == (address, STRANGER, 1)
    assert keys_at(after, NOW).signers == {address}, "the contract's own address signs nothing"
    assert asked(after, "key-add", key(SPENDING), 0, address).action is KeyAction.KEY_ADD


def test_what_a_contract_signs_is_hashed_as_any_wallet_does_it():
    """EIP-712 by the general encoder, from the JSON that eth_signTypedData_v4 takes."""
    ledger_id = bytes(range(32))
    values = {"holder": LIVED.id, "chain_id": 31337, "account": STRANGER, "key": NEW, "valid_before": 1_800_000_600}
    members = (("holder", "bytes32"), ("chainId", "uint64"), ("account", "address"), ("key", "address"))
    domain = (("name", "string"), ("version", "string"), ("salt", "bytes32"))
    declared = {"LedgerKey": (*members, ("validBefore", "uint64")), "EIP712Domain": domain}
    typed = {
        "types": {name: [{"name": n, "type": t} for n, t in fields] for name, fields in declared.items()},
        "primaryType": "LedgerKey",
        "domain": {"name": "Tandem Ledger", "version": "1", "salt": "0x" + ledger_id.hex()},
        "message": {
            "holder": "0x" + LIVED.id.hex(),
            "chainId": "31337",
            "account": "0x" + STRANGER.hex(),
            "key": "0x" + NEW.hex(),
            "validBefore": "1800000600",
        },
    }
    assert contract_key_digest(ledger_id, **values) == TypedData.parse(typed).digest
