"""A transaction as a node tells it (eth_getTransactionByHash), of any type, and held against its own hash. Pure.

What is read here is what was signed: hash and sender are computed from the members, so a node can leave a transaction
out, but cannot tell another one under its hash.
"""

from __future__ import annotations

from collections.abc import Mapping

from chain.block import address, listed, members
from chain.errors import AnswerMalformed, TransactionMalformed
from chain.quantity import data, quantity
from chain.transaction import AccessList, Authorization, SignedTransaction, TransactionRequest, TransactionType, read_v

_ACCESS_MAX = 4096


def parse_transaction(answer: object) -> SignedTransaction:
    """Raises AnswerMalformed: also where hash or sender are another one's, and where no chain is named."""
    fields = members(answer)
    try:
        signed = _signed(fields)
    except TransactionMalformed as error:
        raise AnswerMalformed(f"transaction: {error.reason}") from None
    if data(fields.get("hash"), 32) != signed.hash:
        raise AnswerMalformed("a transaction with the hash of something else")
    if address(fields.get("from")) != signed.sender:
        raise AnswerMalformed("a transaction of another account than it says")
    return signed


def _signed(fields: Mapping[str, object]) -> SignedTransaction:
    number = quantity(fields.get("type", "0x0"), 8)
    if number not in tuple(TransactionType):
        raise AnswerMalformed("a transaction of an unknown type")
    kind = TransactionType(number)
    v = quantity(fields.get("v", fields.get("yParity")), 72)
    chain_id, parity = read_v(v) if kind is TransactionType.LEGACY else (quantity(fields.get("chainId"), 63), v)
    price = quantity(fields.get("gasPrice")) if kind.has_one_price else None
    to = fields.get("to")
    request = TransactionRequest(
        chain_id,
        None if to is None else address(to),
        quantity(fields.get("value")),
        data(fields.get("input", fields.get("data"))),
        None,
        quantity(fields.get("nonce"), 64),
        quantity(fields.get("maxPriorityFeePerGas")) if price is None else price,
        quantity(fields.get("maxFeePerGas")) if price is None else price,
        quantity(fields.get("gas"), 64),
        _access_list(fields.get("accessList")),
        kind,
        tuple(_authorization(members(one)) for one in listed(fields.get("authorizationList") or [], 100)),
        quantity(fields.get("maxFeePerBlobGas")) if kind is TransactionType.BLOB else None,
        tuple(data(one, 32) for one in listed(fields.get("blobVersionedHashes") or [], 100)),
    )
    return SignedTransaction.of(request, parity, quantity(fields.get("r")), quantity(fields.get("s")))


def _access_list(answer: object) -> AccessList:
    entries = [members(entry) for entry in listed(answer or [], _ACCESS_MAX)]
    return tuple(
        (address(entry.get("address")), tuple(data(key, 32) for key in listed(entry.get("storageKeys"), _ACCESS_MAX)))
        for entry in entries
    )


def _authorization(fields: Mapping[str, object]) -> Authorization:
    return Authorization(
        quantity(fields.get("chainId")),
        address(fields.get("address")),
        quantity(fields.get("nonce"), 64),
        quantity(fields.get("yParity", fields.get("v")), 8),
        quantity(fields.get("r")),
        quantity(fields.get("s")),
    )
