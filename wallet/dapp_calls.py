"""Batches of calls as EIP-5792 has them: read, refused by its codes, and told how far they are. Pure.

Here a batch is a sequence of transactions, one after another: nothing makes it atomic, and nobody is told that it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from chain.address import Address
from wallet.dapp_params import Asked, read_address, read_chain_id, read_object, read_transaction
from wallet.errors import RpcRefused
from wallet.rpc import Code, Params, bad_params, positional

VERSION = "2.0.0"
_VERSIONS = ("1.0", "1.0.0", "2.0.0")
CALLS_MAX = 20
ID_LENGTH_MAX = 4096
_ID = re.compile(r"[!-~]+", re.ASCII)
_CALL_MEMBERS = frozenset({"to", "data", "value", "capabilities"})
_CHAINS_MAX = 100


class State(IntEnum):
    """EIP-5792's states of a batch."""

    PENDING = 100
    CONFIRMED = 200
    NOT_SENT = 400
    REVERTED = 500
    PARTLY = 600


@dataclass(frozen=True, slots=True)
class Batch:
    """`id` is the page's own, or empty; `sender` None means the first granted account."""

    id: str
    sender: Address | None
    chain_id: int
    calls: tuple[Asked, ...]


def read_send_calls(params: Params) -> Batch:
    """Of wallet_sendCalls. Raises RpcRefused with PARAMS, or with the code that EIP-5792 has for it."""
    (value,) = positional(params, 1, 1)
    fields = read_object(value, "params[0]")
    if fields.get("version", VERSION) not in _VERSIONS:
        raise bad_params('params[0].version: "2.0.0" is expected')
    atomic = fields.get("atomicRequired", False)
    if not isinstance(atomic, bool):
        raise bad_params("params[0].atomicRequired: true or false is expected")
    calls = fields.get("calls")
    if not isinstance(calls, list) or not calls:
        raise bad_params("params[0].calls: an array of calls is expected")
    sender = fields.get("from")
    batch = Batch(
        _batch_id(fields.get("id")),
        None if sender is None else read_address(sender, "params[0].from"),
        read_chain_id(fields.get("chainId"), "params[0].chainId"),
        tuple(_call(call, f"params[0].calls[{number}]") for number, call in enumerate(calls[: CALLS_MAX + 1])),
    )
    _check_capabilities([fields.get("capabilities"), *(call.get("capabilities") for call in calls[:CALLS_MAX])])
    if len(calls) > CALLS_MAX:
        raise RpcRefused(Code.CALLS_TOO_LARGE, f"A batch holds at most {CALLS_MAX} calls.", None)
    if atomic:
        raise RpcRefused(Code.ATOMICITY, "Calls are sent one after another here; nothing makes them atomic.", None)
    return batch


def _batch_id(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > ID_LENGTH_MAX or not _ID.fullmatch(value):
        raise bad_params(f"params[0].id: up to {ID_LENGTH_MAX} visible characters are expected")
    return value


def _call(value: object, name: str) -> Asked:
    """`to`, `data`, `value`, each of which may be missing. Fees and numbers are not the page's to set here."""
    fields = read_object(value, name)
    if "authorizationList" in fields:
        read_transaction(fields, name)  # refuses it, by its own code
    if unknown := sorted(set(fields) - _CALL_MEMBERS):
        raise bad_params(f"{name}.{unknown[0][:40]}: to, data and value are expected")
    return read_transaction({member: fields.get(member) for member in ("to", "data", "value")}, name)


def _check_capabilities(asked: Iterable[object]) -> None:
    """None is supported; one that may be ignored says `optional`. Raises RpcRefused (CAPABILITY)."""
    for capabilities in asked:
        if capabilities is None:
            continue
        for name, wanted in read_object(capabilities, "capabilities").items():
            if not (isinstance(wanted, dict) and wanted.get("optional") is True):
                raise RpcRefused(Code.CAPABILITY, f"The capability {name[:40]} is not supported.", None)


def read_batch_id(params: Params) -> str:
    """`[id]`, of wallet_getCallsStatus and wallet_showCallsStatus."""
    (value,) = positional(params, 1, 1)
    found = _batch_id(value)
    if not found:
        raise bad_params("params[0]: the id of a batch is expected")
    return found


def read_capabilities(params: Params) -> tuple[Address, tuple[int, ...] | None]:
    """`[address]` or `[address, [chain ids]]`; None means every chain."""
    values = positional(params, 1, 2)
    address = read_address(values[0], "params[0]")
    if len(values) == 1 or values[1] is None:
        return address, None
    if not isinstance(values[1], list) or len(values[1]) > _CHAINS_MAX:
        raise bad_params("params[1]: an array of chain ids is expected")
    return address, tuple(read_chain_id(one, "params[1]") for one in values[1])


def capabilities(chains: Iterable[int]) -> dict[str, Any]:
    """What there is on each chain: no atomicity, said so."""
    return {hex(chain_id): {"atomic": {"status": "unsupported"}} for chain_id in chains}


def state_of(count: int, receipts: Sequence[Mapping[str, Any]], stopped: bool) -> State:
    """Of `count` calls: `receipts` are those that a block has, in order; `stopped` means that no more will be sent."""
    succeeded = sum(receipt.get("status") == "0x1" for receipt in receipts)
    if succeeded == count:
        return State.CONFIRMED
    if succeeded < len(receipts):
        return State.PARTLY if succeeded else State.REVERTED
    if not stopped:
        return State.PENDING
    return State.PARTLY if succeeded else State.NOT_SENT


def status(batch_id: str, chain_id: int, state: State, receipts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answer of wallet_getCallsStatus; receipts without what it does not have."""
    document: dict[str, Any] = {
        "version": VERSION,
        "id": batch_id,
        "chainId": hex(chain_id),
        "status": int(state),
        "atomic": False,
    }
    return document | ({"receipts": [_receipt(receipt) for receipt in receipts]} if receipts else {})


def _receipt(receipt: Mapping[str, Any]) -> dict[str, Any]:
    logs = [{name: log.get(name) for name in ("address", "data", "topics")} for log in receipt.get("logs") or []]
    kept = {name: receipt.get(name) for name in ("status", "blockHash", "blockNumber", "gasUsed", "transactionHash")}
    return {"logs": logs, **kept}
