"""Parameters of the wallet's own methods, in the shapes in which pages really send them. Pure.

What is missing or wrong is told by its name (-32602), before anybody is asked. Numbers are hex quantities, with or
without leading zeros, or plain JSON integers; never floats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from chain.address import Address
from chain.deadline import NEVER, Deadline
from chain.errors import AddressChecksumWrong, AddressMalformed, TransactionMalformed, TypedDataMalformed
from chain.transaction import DATA_BYTES_MAX, AccessList, TransactionRequest
from chain.typed_data import TypedData
from chain.typed_values import TypedValues
from wallet.errors import RpcRefused
from wallet.hosts import LOOPBACK
from wallet.rpc import Code, Params, bad_params, positional
from wallet.signable_values import is_typed_values

MESSAGE_BYTES_MAX = 128 * 1024
ACCESS_MAX = 1000
_HEX = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_CHAIN_NAME = re.compile(r"\w[\w .-]{0,39}")
_SYMBOL = re.compile(r"[A-Za-z0-9.+$_-]{1,11}", re.ASCII)


def read_address(value: object, name: str) -> Address:
    """Any one letter case, or the exact checksum."""
    try:
        if isinstance(value, str):
            return Address(value)
    except AddressChecksumWrong:
        raise bad_params(f"{name}: the address has a wrong checksum") from None
    except AddressMalformed:
        pass
    raise bad_params(f"{name}: an address (0x and 40 hex digits) is expected")


def read_data(value: object, name: str, length_max: int = DATA_BYTES_MAX) -> bytes:
    """Bytes in hex; nothing, null and the empty text are none."""
    if value is None or value == "":
        return b""
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise bad_params(f"{name}: bytes in hex (0x...) are expected")
    if len(value) > 2 + 2 * length_max:
        raise bad_params(f"{name}: at most {length_max} bytes are taken")
    return bytes.fromhex(value[2:])


def read_number(value: object, name: str, bits: int = 256) -> int:
    """A hex quantity, or an integer."""
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        number = int(value, 16)
    elif type(value) is int:
        number = value
    else:
        raise bad_params(f"{name}: a hex quantity (0x...) is expected")
    if not 0 <= number < 2**bits:
        raise bad_params(f"{name}: a number below 2^{bits} is expected")
    return number


def read_chain_id(value: object, name: str = "chainId") -> int:
    """Hex, as EIP-695 and EIP-3326 want it; plain digits come too (CAIP-minded pages)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    number = read_number(value, name, 63)
    if number == 0:
        raise bad_params(f"{name}: a chain has a number above zero")
    return number


def read_object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise bad_params(f"{name}: an object is expected")
    return value


# Transactions


@dataclass(frozen=True, slots=True)
class Asked:
    """A transaction as a page asked for it. `chain_id` is None where it named none."""

    sender: Address | None
    chain_id: int | None
    to: Address | None
    value: int
    data: bytes
    gas: int | None
    nonce: int | None
    max_fee: int | None
    priority_fee: int | None
    access_list: AccessList

    def request(self, sender: Address, chain_id: int) -> TransactionRequest:
        """For `Node.prepare`, which fills in what is None. Raises RpcRefused (PARAMS)."""
        try:
            return TransactionRequest(
                chain_id,
                self.to,
                self.value,
                self.data,
                sender,
                self.nonce,
                self.priority_fee,
                self.max_fee,
                self.gas,
                self.access_list,
            )
        except TransactionMalformed as error:
            raise bad_params(f"transaction: {error.reason}") from None


def read_transaction(value: object, name: str = "params[0]") -> Asked:
    """Of eth_sendTransaction. `gas` or `gasLimit`, `data` or `input` (the same, where both are there)."""
    fields = read_object(value, name)
    _refuse_delegation(fields)
    sender = fields.get("from")
    to = fields.get("to")
    max_fee, priority = _fees(fields, name)
    asked = Asked(
        sender=None if sender is None else read_address(sender, f"{name}.from"),
        chain_id=_optional_chain(fields, name),
        to=None if to in (None, "", "0x") else read_address(to, f"{name}.to"),
        value=_optional(fields, "value", name) or 0,
        data=_one_of(fields, ("data", "input"), name),
        gas=_gas(fields, name),
        nonce=_optional(fields, "nonce", name, 64),
        max_fee=max_fee,
        priority_fee=priority,
        access_list=_access_list(fields.get("accessList"), f"{name}.accessList"),
    )
    if asked.to is None and not asked.data:
        raise bad_params(f"{name}: without `to` there has to be code in `data`")
    return asked


def _refuse_delegation(fields: Mapping[str, Any]) -> None:
    """EIP-7702: nothing that a page asks for may hand an account over (I-14). Raises RpcRefused (METHOD_REFUSED)."""
    kind = fields.get("type")
    if fields.get("authorizationList") or kind in ("0x4", "0x04", 4, "eip7702"):
        raise RpcRefused(Code.METHOD_REFUSED, "An EIP-7702 authorization is never signed for a page.", None)
    if kind in ("0x3", "0x03", 3, "eip4844") or fields.get("blobs") or fields.get("blobVersionedHashes"):
        raise RpcRefused(Code.METHOD_REFUSED, "Transactions with blobs are not signed here.", None)
    if kind not in (None, "", "0x0", "0x00", "0x1", "0x01", "0x2", "0x02", 0, 1, 2, "legacy", "eip2930", "eip1559"):
        raise bad_params("type: 0x0, 0x1 or 0x2 is expected")


def _optional(fields: Mapping[str, Any], member: str, name: str, bits: int = 256) -> int | None:
    value = fields.get(member)
    return None if value is None or value == "" else read_number(value, f"{name}.{member}", bits)


def _optional_chain(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get("chainId")
    return None if value is None else read_chain_id(value, f"{name}.chainId")


def _gas(fields: Mapping[str, Any], name: str) -> int | None:
    found = {_optional(fields, member, name, 64) for member in ("gas", "gasLimit")} - {None}
    if len(found) > 1:
        raise bad_params(f"{name}: gas and gasLimit differ")
    return found.pop() if found else None


def _fees(fields: Mapping[str, Any], name: str) -> tuple[int | None, int | None]:
    """(max fee, priority). A legacy gasPrice is both, which pays the same."""
    max_fee, priority = (_optional(fields, member, name) for member in ("maxFeePerGas", "maxPriorityFeePerGas"))
    price = _optional(fields, "gasPrice", name)
    if price is None:
        return max_fee, priority
    if max_fee is not None or priority is not None:
        raise bad_params(f"{name}: gasPrice does not go with maxFeePerGas")
    return price, price


def _one_of(fields: Mapping[str, Any], members: tuple[str, ...], name: str) -> bytes:
    found = {data for member in members if (data := read_data(fields.get(member), f"{name}.{member}"))}
    if len(found) > 1:
        raise bad_params(f"{name}: {' and '.join(members)} differ")
    return found.pop() if found else b""


def _access_list(value: object, name: str) -> AccessList:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > ACCESS_MAX:
        raise bad_params(f"{name}: an array is expected")
    return tuple(_access(one, f"{name}[{number}]") for number, one in enumerate(value))


def _access(value: object, name: str) -> tuple[Address, tuple[bytes, ...]]:
    fields = read_object(value, name)
    keys = fields.get("storageKeys")
    if not isinstance(keys, list) or len(keys) > ACCESS_MAX:
        raise bad_params(f"{name}.storageKeys: an array is expected")
    words = tuple(read_data(key, f"{name}.storageKeys", 32) for key in keys)
    if any(len(word) != 32 for word in words):
        raise bad_params(f"{name}.storageKeys: 32 bytes each are expected")
    return read_address(fields.get("address"), f"{name}.address"), words


# Messages and typed data


def read_personal_sign(params: Params) -> tuple[bytes, Address]:
    """`[message, address]`, or swapped; a third parameter (a password, once) is ignored."""
    first, second = positional(params, 2, 3)[:2]
    swapped = _is_address(first) and not _is_address(second)
    message, account = (second, first) if swapped else (first, second)
    return _message(message), read_address(account, "params[0]" if swapped else "params[1]")


def read_recover(params: Params) -> tuple[bytes, bytes]:
    """`[message, signature]` of personal_ecRecover."""
    message, signature = positional(params, 2, 2)
    raw = read_data(signature, "params[1]", 65)
    if len(raw) != 65 or raw[64] not in (0, 1, 27, 28):
        raise bad_params("params[1]: a signature of 65 bytes is expected")
    return _message(message), raw


def _message(value: object) -> bytes:
    """Hex is bytes; anything else is the text itself."""
    if not isinstance(value, str):
        raise bad_params("params: the message has to be a text")
    try:
        raw = bytes.fromhex(value[2:]) if _HEX.fullmatch(value) else value.encode()
    except UnicodeEncodeError:
        raise bad_params("params: the message holds half a character") from None
    if len(raw) > MESSAGE_BYTES_MAX:
        raise bad_params(f"params: a message has at most {MESSAGE_BYTES_MAX} bytes")
    return raw


def read_typed_data(params: Params, *, values_too: bool = False, deadline: Deadline = NEVER) -> tuple[str, Address]:
    """`[address, document]`, or version 1's order; the document a text or an object. Returned as JSON text.

    `values_too`: version 1's own form, an array of values, is taken as well.
    """
    first, second = positional(params, 2, 3)[:2]
    document, account = (second, first) if _is_address(first) else (first, second)
    where = "params[0]" if document is second else "params[1]"
    address = read_address(account, where)
    if not isinstance(document, (str, dict, list)):
        raise bad_params("params: typed data as an object, or as JSON text, is expected")
    text = document if isinstance(document, str) else _as_text(document)
    try:
        TypedValues.parse(text) if values_too and is_typed_values(text) else TypedData.parse(text, deadline)
    except TypedDataMalformed as error:
        raise bad_params(f"typed data: {error.path or 'document'}: {error.reason}") from None
    return text, address


def _as_text(document: dict[str, Any] | list[Any]) -> str:
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise bad_params("typed data: a number is none that JSON has") from None


def _is_address(value: object) -> bool:
    return isinstance(value, str) and bool(_ADDRESS.fullmatch(value))


# Chains and assets


@dataclass(frozen=True, slots=True)
class NewChain:
    """What a page says of a chain (EIP-3085). Nothing of it is known to be true."""

    chain_id: int
    name: str
    url: str
    symbol: str


def read_switch(params: Params) -> int:
    """`[{"chainId": "0x1"}]`."""
    (value,) = positional(params, 1, 1)
    return read_chain_id(read_object(value, "params[0]").get("chainId"), "params[0].chainId")


def read_new_chain(params: Params) -> NewChain:
    """EIP-3085's object; the first node that is https, or on this machine, is the one that is taken."""
    (value,) = positional(params, 1, 1)
    fields = read_object(value, "params[0]")
    chain_id = read_chain_id(fields.get("chainId"), "params[0].chainId")
    name = fields.get("chainName")
    if not isinstance(name, str) or not _CHAIN_NAME.fullmatch(name):
        raise bad_params("params[0].chainName: up to 40 letters and digits are expected")
    urls = fields.get("rpcUrls")
    usable = [url for url in urls if _is_node_url(url)] if isinstance(urls, list) and len(urls) <= 100 else []
    if not usable:
        raise bad_params("params[0].rpcUrls: an https URL is expected")
    coin = read_object(fields.get("nativeCurrency"), "params[0].nativeCurrency")
    symbol = coin.get("symbol")
    if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
        raise bad_params("params[0].nativeCurrency.symbol: 1 to 11 letters are expected")
    if coin.get("decimals") != 18:
        raise bad_params("params[0].nativeCurrency.decimals: 18 is expected")
    return NewChain(chain_id, name, usable[0], symbol)


def _is_node_url(url: object) -> bool:
    if not isinstance(url, str) or len(url) > 300 or not url.isascii() or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment) and bool(parts.hostname)
    return plain and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


@dataclass(frozen=True, slots=True)
class Asset:
    """A token that a page asks to keep in view (EIP-747). `decimals` for ERC-20, `token_id` for the others."""

    standard: str
    address: Address
    symbol: str
    decimals: int
    token_id: str


def read_asset(params: Params) -> Asset:
    """An object, or an array that holds it."""
    value = params[0] if isinstance(params, list) and len(params) == 1 else params
    fields = read_object(value, "params")
    standard = fields.get("type")
    if standard not in ("ERC20", "ERC721", "ERC1155"):
        raise bad_params("params.type: ERC20, ERC721 or ERC1155 is expected")
    options = read_object(fields.get("options"), "params.options")
    address = read_address(options.get("address"), "params.options.address")
    if standard != "ERC20":
        token_id = options.get("tokenId")
        if not isinstance(token_id, str) or not token_id.isascii() or not token_id.isdigit() or len(token_id) > 78:
            raise bad_params("params.options.tokenId: digits in a text are expected")
        return Asset(standard, address, "", 0, token_id)
    symbol = options.get("symbol")
    if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
        raise bad_params("params.options.symbol: 1 to 11 letters are expected")
    return Asset(standard, address, symbol, _decimals(options.get("decimals")), "")


def _decimals(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 3:
        value = int(value)
    if type(value) is not int or not 0 <= value <= 36:
        raise bad_params("params.options.decimals: 0 to 36 is expected")
    return value
