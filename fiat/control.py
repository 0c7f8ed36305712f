"""Controls: what may sign for a holder and how much, and what each control order changes about it. Pure.

The root alone widens: it adds keys and raises limits, both 48 hours after they were ordered and to be cancelled by any
key until then, and it alone unfreezes. What narrows is done by any key, at once. Each rule is asked with the holder as
they are, the order, who signed it, and the instant (ns) of the record that would carry it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from fiat.authority import Keys, check_signer, check_window
from fiat.errors import ControlNeedsRoot, ControlRefused, HolderFrozen, OrderMalformed
from fiat.holder import Holder, Recovery
from fiat.limit import LIMIT_MAX, LIMITS_MAX, NO_LIMIT, LimitKey, OwnLimit, Raise, limits_bytes, own_limits
from fiat.order import ZERO_32, LedgerControl
from fiat.record import KeyAction
from fiat.transfer import NANOSECONDS

DELAY_NS = 48 * 3600 * NANOSECONDS
"""After this a key that was added, or a limit that was raised, holds."""
KEYS_MAX = 16
"""Keys of a holder, the root and those to come included."""
ACTIONS = {
    "key-add": KeyAction.KEY_ADD,
    "key-revoke": KeyAction.KEY_REVOKE,
    "freeze": KeyAction.FREEZE,
    "unfreeze": KeyAction.UNFREEZE,
    "limit": KeyAction.LIMIT,
    "mandate-revoke": KeyAction.MANDATE_REVOKE,
    "cancel": KeyAction.CANCEL,
}
REASONS = (
    "key_known",
    "key_unknown",
    "key_is_root",
    "keys_too_many",
    "not_frozen",
    "raise_pending",
    "limits_too_many",
    "mandate_unknown",
    "mandate_revoked",
    "nothing_pending",
    "contract_none",
    "contract_settled",
    "contract_used",
)
"""The words of ControlRefused."""
_KEY = Struct(">20sQ32s")
_NO_KEY = bytes(20)


class AddedKey(NamedTuple):
    """A key that the root added: its address (20 bytes), the instant (ns) from which it may sign, its order's nonce."""

    key: bytes
    effective_at: int
    nonce: bytes


class Change(NamedTuple):
    """What a control order comes to: its record's action, key and instant, and the holder after it."""

    action: KeyAction
    key: bytes
    effective_at: int
    holder: Holder


class Asked(NamedTuple):
    """A control order in its place: who asks it of whom, and when (ns)."""

    holder: Holder
    order: LedgerControl
    signer: bytes
    timestamp: int

    @property
    def by_root(self) -> bool:
        return self.signer == self.holder.root

    def require_root(self) -> None:
        if not self.by_root:
            raise ControlNeedsRoot(self.order.action)

    def refuse(self, reason: str) -> ControlRefused:
        return ControlRefused(self.order.action, reason)


@lru_cache(maxsize=4096)
def added_keys(keyring: bytes) -> tuple[AddedKey, ...]:
    """The further keys, from the bytes in the holder's row, in the order in which they were added."""
    return tuple(AddedKey(*fields) for fields in _KEY.iter_unpack(keyring))


def keyring_bytes(added: Iterable[AddedKey]) -> bytes:
    """The bytes that `added_keys` reads."""
    return b"".join(_KEY.pack(*each) for each in added)


def keys_at(holder: Holder, timestamp: int) -> Keys:
    """Who may sign for the holder at an instant (ns)."""
    added = {each.key for each in added_keys(holder.keyring) if each.effective_at <= timestamp}
    return Keys(holder.id, holder.epoch, frozenset({holder.root, *added}), holder.frozen, holder.root)


def control(
    holder: Holder, order: LedgerControl, signer: bytes, timestamp: int, mandate_stands: bool | None = None
) -> Change:
    """What this order changes at `timestamp` (ns). Raises OrderRefused's kinds, which leave its nonce free.

    `signer` is the key that the signature gives. `mandate_stands`: for a mandate-revoke, whether its subject is a
    mandate of the holder (None: it is not) that is not revoked yet. Does not check `seenHead` and the nonce.
    """
    action = ACTIONS.get(order.action)
    if action is None:
        raise OrderMalformed("action", f"is one of {', '.join(ACTIONS)}")
    check_window(order, timestamp // NANOSECONDS)
    check_signer(order, signer, keys_at(holder, timestamp))
    if order.value and action is not KeyAction.LIMIT:
        raise OrderMalformed("value", "is 0 for this action")
    asked = Asked(holder, order, signer, timestamp)
    if action is KeyAction.MANDATE_REVOKE:
        return _revoke_mandate(asked, mandate_stands)
    return _RULES[action](asked)


def contract_key(holder: Holder, key: bytes, has_orders: bool) -> Holder:
    """The holder once their contract (ERC-1271) authorised `key`: that key is the root. Raises ControlRefused.

    Once a holder whose id says that their root is a contract, and only before their first order. Whether the contract
    did is checked on its chain, before this.
    """
    if not Recovery(holder.recovery).is_contract:
        raise ControlRefused("contract-key", "contract_none")
    if holder.contract:
        raise ControlRefused("contract-key", "contract_settled")
    if has_orders:
        raise ControlRefused("contract-key", "contract_used")
    if key in (_NO_KEY, holder.root):
        raise OrderMalformed("key", "is an address, and not the contract's own")
    return holder._replace(root=key, contract=holder.root)


def _add_key(asked: Asked) -> Change:
    key, added = _key_of(asked.order), added_keys(asked.holder.keyring)
    asked.require_root()
    _require_thawed(asked)
    if key == asked.holder.root or key in {each.key for each in added}:
        raise asked.refuse("key_known")
    if 1 + len(added) >= KEYS_MAX:
        raise asked.refuse("keys_too_many")
    effective_at = asked.timestamp + DELAY_NS
    keyring = keyring_bytes((*added, AddedKey(key, effective_at, asked.order.nonce)))
    return Change(KeyAction.KEY_ADD, key, effective_at, asked.holder._replace(keyring=keyring))


def _revoke_key(asked: Asked) -> Change:
    key, added = _key_of(asked.order), added_keys(asked.holder.keyring)
    if key == asked.holder.root:
        raise asked.refuse("key_is_root")
    if key != asked.signer:
        asked.require_root()
    if key not in {each.key for each in added}:
        raise asked.refuse("key_unknown")
    keyring = keyring_bytes(each for each in added if each.key != key)
    holder = asked.holder._replace(keyring=keyring, epoch=asked.holder.epoch + 1)
    return Change(KeyAction.KEY_REVOKE, key, asked.timestamp, holder)


def _freeze(asked: Asked) -> Change:
    _require_no_subject(asked.order)
    _require_thawed(asked)
    return _instant(asked, KeyAction.FREEZE, asked.holder._replace(frozen=True))


def _unfreeze(asked: Asked) -> Change:
    _require_no_subject(asked.order)
    asked.require_root()
    if not asked.holder.frozen:
        raise asked.refuse("not_frozen")
    holder = asked.holder._replace(frozen=False, epoch=asked.holder.epoch + 1)
    return _instant(asked, KeyAction.UNFREEZE, holder)


def _limit(asked: Asked) -> Change:
    order = asked.order
    key = LimitKey.of_subject(order.subject)
    if order.value > LIMIT_MAX and order.value != NO_LIMIT:
        raise OrderMalformed("value", f"is at most {LIMIT_MAX}, or {NO_LIMIT} for no limit")
    own = own_limits(asked.holder.limits).get(key, OwnLimit(NO_LIMIT))
    current = own.at(asked.timestamp)
    if order.value <= current:
        return _limited(asked, key, OwnLimit(order.value), asked.timestamp)
    asked.require_root()
    _require_thawed(asked)
    if own.pending(asked.timestamp) is not None:
        raise asked.refuse("raise_pending")
    effective_at = asked.timestamp + DELAY_NS
    return _limited(asked, key, OwnLimit(current, Raise(order.value, effective_at, order.nonce)), effective_at)


def _limited(asked: Asked, key: LimitKey, own: OwnLimit, effective_at: int) -> Change:
    limits = limits_bytes({**_current_limits(asked), key: own})
    if len(own_limits(limits)) > LIMITS_MAX:
        raise asked.refuse("limits_too_many")
    return Change(KeyAction.LIMIT, _NO_KEY, effective_at, asked.holder._replace(limits=limits))


def _revoke_mandate(asked: Asked, stands: bool | None) -> Change:
    if stands is None:
        raise asked.refuse("mandate_unknown")
    if not stands:
        raise asked.refuse("mandate_revoked")
    return _instant(asked, KeyAction.MANDATE_REVOKE, asked.holder)


def _cancel(asked: Asked) -> Change:
    """The key or the raise that is to come by the order of that nonce never does."""
    nonce, added = asked.order.subject, added_keys(asked.holder.keyring)
    kept = [each for each in added if each.nonce != nonce or each.effective_at <= asked.timestamp]
    if len(kept) < len(added):
        return _instant(asked, KeyAction.CANCEL, asked.holder._replace(keyring=keyring_bytes(kept)))
    limits = _current_limits(asked)
    for key, own in limits.items():
        if own.raised is not None and own.raised.nonce == nonce:
            limits[key] = OwnLimit(own.value)
            return _instant(asked, KeyAction.CANCEL, asked.holder._replace(limits=limits_bytes(limits)))
    raise asked.refuse("nothing_pending")


_RULES: dict[KeyAction, Callable[[Asked], Change]] = {
    KeyAction.KEY_ADD: _add_key,
    KeyAction.KEY_REVOKE: _revoke_key,
    KeyAction.FREEZE: _freeze,
    KeyAction.UNFREEZE: _unfreeze,
    KeyAction.LIMIT: _limit,
    KeyAction.CANCEL: _cancel,
}


def _instant(asked: Asked, action: KeyAction, after: Holder) -> Change:
    return Change(action, _NO_KEY, asked.timestamp, after)


def _current_limits(asked: Asked) -> dict[LimitKey, OwnLimit]:
    """The limits, with raises whose time has come taken over."""
    limits = own_limits(asked.holder.limits)
    return {key: OwnLimit(own.at(asked.timestamp), own.pending(asked.timestamp)) for key, own in limits.items()}


def _key_of(order: LedgerControl) -> bytes:
    if any(order.subject[:12]) or not any(order.subject):
        raise OrderMalformed("subject", "is 12 zero bytes and an address")
    return order.subject[12:]


def _require_no_subject(order: LedgerControl) -> None:
    if order.subject != ZERO_32:
        raise OrderMalformed("subject", "is zero for this action")


def _require_thawed(asked: Asked) -> None:
    if asked.holder.frozen:
        raise HolderFrozen("0x" + asked.holder.id.hex())
