"""An account for other people's scripts: where web3.py, Ape or pytest expect eth-account's local account.

    from wallet.account import TandemAccount
    account = TandemAccount()            # the first one; or a name, an address, a number

It holds no key. It asks the running client (`tandem unlock`) over its socket, and hands over the bytes that the signer
decodes by itself: transactions (of types 0, 1 and 2), messages and typed data, never a bare hash. Blocking, as these
libraries are; each question has a connection of its own, so that threads and forks may share an account.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

from eth_account.datastructures import SignedMessage, SignedTransaction
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3._utils.transactions import fill_transaction_defaults
from web3.types import TxParams

from chain.address import Address
from chain.transaction import SignedTransaction as Signed
from chain.transaction import TransactionRequest, TransactionType
from wallet.accounts import pick, read_account
from wallet.config import Config
from wallet.errors import BytesNotUnderstood, SignerLocked, SignerLost
from wallet.frames import Frame, receive, result, send
from wallet.peer import is_same_user, short_path
from wallet.pipe import SOCKET_NAME
from wallet.signable import read_message, read_typed_data
from wallet.state import Store

PATIENCE_SECONDS = 60
_NUMBERS = ("chainId", "value", "nonce", "gas")
_TIPPED, _PRICED = ("maxPriorityFeePerGas", "maxFeePerGas"), ("gasPrice", "gasPrice")
_NAMES = frozenset({*_NUMBERS, *_TIPPED, *_PRICED, "to", "data", "input", "from", "type", "accessList"})
_TYPES = (None, TransactionType.LEGACY, TransactionType.ACCESS_LIST, TransactionType.DYNAMIC_FEE)
_DOMAIN = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
_DOMAIN |= {"salt": "bytes32"}


class TandemAccount(LocalAccount):
    """One account of the wallet at `home` (default: TANDEM_HOME), by its name, address or number.

    Raises SignerLost where no client runs, SignerLocked, AccountUnknown; signing raises what the signer answers.
    """

    def __init__(self, account: str | int = 0, home: Path | None = None) -> None:
        self._home = home or Config.read(os.environ).home
        status = self._ask("status")
        if not status["unlocked"]:
            raise SignerLocked()
        found = pick(str(account), [read_account(entry) for entry in status["accounts"]])
        self._address = cast(ChecksumAddress, str(found.address))

    def __repr__(self) -> str:
        return f"TandemAccount({self._address})"

    @property
    def key(self) -> NoReturn:
        """There is none here, and none comes."""
        raise AttributeError("the key stays in Tandem's signer")

    def __bytes__(self) -> bytes:
        raise TypeError("the key stays in Tandem's signer")

    def encrypt(self, password: str, kdf: Any = None, iterations: int | None = None) -> NoReturn:
        """Not from here: `tandem accounts export` writes a keystore for one who gives the vault's password."""
        raise AttributeError("`tandem accounts export` writes a keystore")

    def unsafe_sign_hash(self, message_hash: Any) -> NoReturn:
        """Nothing signs a bare hash."""
        raise BytesNotUnderstood("message", "a bare hash")

    def sign_authorization(self, authorization: Any) -> NoReturn:
        """Not for a script (EIP-7702): it would hand over the account."""
        raise BytesNotUnderstood("transaction", "an authorization")

    def sign_transaction(self, transaction_dict: Any, blobs: Any = None) -> SignedTransaction:
        """Of a complete transaction of type 0, 1 or 2. Raises BytesNotUnderstood for others, TransactionMalformed."""
        if blobs is not None:
            raise BytesNotUnderstood("transaction", "blobs")
        request = read_request(transaction_dict, Address(self._address))
        arguments = {"payload": "0x" + request.unsigned_payload.hex(), "digest": "0x" + request.signing_hash.hex()}
        signed = Signed.decode(
            bytes.fromhex(self._ask("sign_transaction", account=self._address, **arguments)["raw"][2:])
        )
        return SignedTransaction(HexBytes(signed.raw), HexBytes(signed.hash), signed.r, signed.s, signed.v)

    def send_transaction(self, web3: Web3, transaction: TxParams) -> HexBytes:
        """Numbers, signs and sends it, one at a time for this wallet: threads and programs that send at once, `tandem
        send` too, get numbers in a row. What else is open is filled in by web3.py. The hash.

        Raises StateBusy where others take too long; what web3.py raises.
        """
        asked: TxParams = {"from": self._address, **transaction}
        with Store(self._home).one_command(PATIENCE_SECONDS):
            if "nonce" not in asked:
                asked["nonce"] = web3.eth.get_transaction_count(self._address, "pending")
            filled = fill_transaction_defaults(web3, asked)
            return web3.eth.send_raw_transaction(self.sign_transaction(filled).raw_transaction)

    def sign_message(self, signable_message: SignableMessage) -> SignedMessage:
        """Of `encode_defunct` (EIP-191). Typed data goes to `sign_typed_data`, since only its hash is in here."""
        if signable_message.version != b"E":
            raise BytesNotUnderstood("message", "use sign_typed_data for typed data")
        prefix = b"thereum Signed Message:\n" + str(len(signable_message.body)).encode()
        if signable_message.header != prefix:
            raise BytesNotUnderstood("message", "another prefix than EIP-191's")
        data = bytes(signable_message.body)
        return self._signed("sign_message", read_message(data).digest, data="0x" + data.hex())

    def sign_typed_data(
        self,
        domain_data: dict[str, Any] | None = None,
        message_types: dict[str, Any] | None = None,
        message_data: dict[str, Any] | None = None,
        full_message: dict[str, Any] | None = None,
    ) -> SignedMessage:
        """EIP-712, strictly: what eth-account would ignore or guess is refused. Raises BytesNotUnderstood."""
        whole = full_message or whole_message(domain_data or {}, message_types or {}, message_data or {})
        document = json.dumps(whole, default=_spelt)
        return self._signed("sign_typed_data", read_typed_data(document).digest, document=document)

    def _signed(self, call: str, digest: bytes, **arguments: str) -> SignedMessage:
        answer = self._ask(call, account=self._address, digest="0x" + digest.hex(), **arguments)
        raw = bytes.fromhex(answer["signature"][2:])
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big")
        return SignedMessage(HexBytes(digest), r, s, raw[64], HexBytes(raw))

    def _ask(self, call: str, /, **arguments: str) -> Frame:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                with short_path(self._home / SOCKET_NAME) as short:
                    connection.connect(short)
                if not is_same_user(connection):
                    raise SignerLost("another-user")
                os.set_blocking(connection.fileno(), True)
                send(connection.fileno(), {"call": call, "with": arguments})
                answer = receive(connection.fileno())
            except OSError:
                raise SignerLost("client-gone") from None
        if answer is None:
            raise SignerLost("ended")
        return result(answer)


def read_request(fields: Mapping[str, Any], sender: Address) -> TransactionRequest:
    """A transaction as web3.py spells it. Raises BytesNotUnderstood, TransactionMalformed, AddressMalformed."""
    odd = sorted(set(fields) - _NAMES)
    if odd:
        raise BytesNotUnderstood("transaction", f"{odd[0]}: types 0, 1 and 2 are what is signed")
    kind = _kind(fields)
    priced = _PRICED if kind.has_one_price else _TIPPED
    missing = [name for name in (*_NUMBERS, *priced) if name not in fields and name != "value"]
    if missing:
        raise BytesNotUnderstood("transaction", f"{missing[0]} is missing")
    if stray := {*_TIPPED, *_PRICED} & set(fields) - set(priced):
        raise BytesNotUnderstood("transaction", f"{min(stray)} has no place in type {kind:d}")
    if fields.get("from") and Address(str(fields["from"])) != sender:
        raise BytesNotUnderstood("transaction", "from is another account")
    number = {name: _number(name, fields.get(name, 0)) for name in (*_NUMBERS, *priced)}
    access = tuple(
        (Address(str(entry["address"])), tuple(bytes(HexBytes(key)) for key in entry["storageKeys"]))
        for entry in fields.get("accessList") or ()
    )
    return TransactionRequest(
        number["chainId"],
        Address("0x" + bytes(HexBytes(fields["to"])).hex()) if fields.get("to") else None,
        number["value"],
        bytes(HexBytes(fields.get("data") or fields.get("input") or b"")),
        sender,
        number["nonce"],
        number[priced[0]],
        number[priced[1]],
        number["gas"],
        access,
        kind,
    )


def _kind(fields: Mapping[str, Any]) -> TransactionType:
    """As named; else by the price that is given, as web3.py tells them apart."""
    named = fields.get("type")
    number = _number("type", named) if named is not None else None
    if number not in _TYPES:
        raise BytesNotUnderstood("transaction", "type: types 0, 1 and 2 are what is signed")
    told = TransactionType.DYNAMIC_FEE if "gasPrice" not in fields else TransactionType.LEGACY
    if told is TransactionType.LEGACY and fields.get("accessList"):
        told = TransactionType.ACCESS_LIST
    return told if number is None else TransactionType(number)


def whole_message(domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    """The document of eth_signTypedData_v4 of eth-account's three parts: the primary type is the one in no other."""
    used = {str(field["type"]).split("[")[0] for fields in types.values() for field in fields}
    primary = [name for name in types if name not in used and name != "EIP712Domain"]
    if len(primary) != 1:
        raise BytesNotUnderstood("typed data", "one type has to be in no other")
    own = [{"name": name, "type": kind} for name, kind in _DOMAIN.items() if name in domain]
    whole = {"EIP712Domain": own, **types}
    return {"types": whole, "primaryType": primary[0], "domain": dict(domain), "message": dict(message)}


def _number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BytesNotUnderstood("transaction", f"{name} is no number")
    try:
        return value if isinstance(value, int) else int(value, 16)
    except ValueError:
        raise BytesNotUnderstood("transaction", f"{name} is no number") from None


def _spelt(value: object) -> str:
    """Bytes in JSON."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    raise BytesNotUnderstood("typed data", f"{type(value).__name__} has no place in it")
