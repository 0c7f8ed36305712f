"""Delegated accounts (EIP-7702): an account whose code is a pointer to a contract that runs in its name. Pure.

Besides reading such a pointer: the transaction of type 4 that sets or clears it for one account and does nothing else.
One account authorizes, the same or another one pays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chain import rlp
from chain.address import Address
from chain.errors import TransactionMalformed
from chain.keccak import keccak256
from chain.transaction import TransactionRequest, members_of, request_of, signer_of, split

PREFIX = bytes.fromhex("ef0100")
NOBODY = Address("0x" + 40 * "0")
"""As a delegate: none any more. As a receiver: where no code runs, so that the transaction calls nothing."""
DELEGATION_GAS = 21_000 + 25_000
"""Of a transaction that calls nothing and brings one authorization (EIP-7702, PER_EMPTY_ACCOUNT_COST)."""
_TYPE_BYTE, _AUTHORIZATION_BYTE = b"\x04", b"\x05"


def delegate_of(code: bytes) -> Address | None:
    """Whose code an account runs, of what eth_getCode answers; None for no code, and for a contract of its own."""
    if len(code) != len(PREFIX) + 20 or not code.startswith(PREFIX):
        return None
    return Address.from_bytes(code[len(PREFIX) :])


def is_delegation_asked(transaction: Mapping[str, object]) -> bool:
    """Does an eth_sendTransaction object ask for type 4, or bring authorizations along? In any spelling of the type."""
    kind = transaction.get("type")
    is_type_4 = kind == 4 or (isinstance(kind, str) and re.fullmatch(r"(0x)?0*4", kind.strip()) is not None)
    return is_type_4 or "authorizationList" in transaction or "authorization_list" in transaction


@dataclass(frozen=True, slots=True)
class Delegation:
    """`account` is to run the code of `delegate` (NOBODY: of nobody any more), on the chain of `frame`, at its `nonce`.

    `frame` is who pays (`sender`), with number and fees: no coins, no data, no access list, to NOBODY. Chain id zero,
    which would be valid everywhere, is refused. Raises TransactionMalformed.
    """

    frame: TransactionRequest
    account: Address
    delegate: Address
    nonce: int

    def __post_init__(self) -> None:
        if not 0 <= self.nonce < 2**64 - 1:
            raise TransactionMalformed("nonce of the authorization out of bounds")
        frame = self.frame
        if frame.to != NOBODY or frame.value or frame.data or frame.access_list:
            raise TransactionMalformed("a delegation calls nothing and moves nothing")

    @classmethod
    def blank(cls, chain_id: int, account: Address, delegate: Address, nonce: int, payer: Address) -> Delegation:
        """Without number and fees."""
        return cls(TransactionRequest(chain_id, NOBODY, sender=payer, gas=DELEGATION_GAS), account, delegate, nonce)

    @property
    def authorization_hash(self) -> bytes:
        """What the account signs."""
        return keccak256(_AUTHORIZATION_BYTE + rlp.encode(self._authorization))

    @property
    def payload(self) -> bytes:
        """What is reviewed: the transaction with an authorization of five members (account and payer at the end), where
        a signed one has six; so these bytes are no transaction yet. Raises TransactionMalformed without a payer."""
        if self.frame.sender is None:
            raise TransactionMalformed("no sender")
        unsigned = [*self._authorization, self.account.raw, self.frame.sender.raw]
        return _TYPE_BYTE + rlp.encode([*self.frame.members, [unsigned]])

    @property
    def digest(self) -> bytes:
        """Names the payload that was reviewed. Nothing signs it."""
        return keccak256(self.payload)

    @classmethod
    def decode(cls, payload: bytes) -> Delegation:
        """Of `payload`; anything but the canonical encoding raises TransactionMalformed."""
        *members, authorizations = _unwrap(payload, 10)
        (authorization,) = members_of(authorizations, 1)
        chain_id, delegate, nonce, account, payer = members_of(authorization, 5)
        found = _delegation(tuple(members), chain_id, delegate, nonce, _address(account))
        return replace(found, frame=found.frame.with_sender(_address(payer)))

    def authorized(self, authorization: bytes) -> list[rlp.Item]:
        """The transaction's ten members, with the account's signature of 65 bytes. Raises TransactionMalformed where it
        is another's."""
        numbers = split(authorization)
        if signer_of(self.authorization_hash, *numbers) != self.account:
            raise TransactionMalformed("authorized by another account")
        return [*self.frame.members, [[*self._authorization, *map(rlp.encode_integer, numbers)]]]

    def signing_hash(self, authorization: bytes) -> bytes:
        """What the payer signs, given the account's signature."""
        return keccak256(_TYPE_BYTE + rlp.encode(self.authorized(authorization)))

    def join(self, authorization: bytes, signature: bytes) -> SignedDelegation:
        """Raises TransactionMalformed where the signatures are not the account's and the payer's."""
        numbers = [rlp.encode_integer(number) for number in split(signature)]
        signed = SignedDelegation.decode(_TYPE_BYTE + rlp.encode([*self.authorized(authorization), *numbers]))
        if signed.delegation != self:
            raise TransactionMalformed("signed by another account")
        return signed

    @property
    def _authorization(self) -> list[rlp.Item]:
        return [rlp.encode_integer(self.frame.chain_id), self.delegate.raw, rlp.encode_integer(self.nonce)]


@dataclass(frozen=True, slots=True)
class SignedDelegation:
    """`raw` is what eth_sendRawTransaction takes; account and payer are recovered."""

    delegation: Delegation
    raw: bytes

    @property
    def hash(self) -> bytes:
        return keccak256(self.raw)

    @property
    def hash_hex(self) -> str:
        return "0x" + self.hash.hex()

    @property
    def payer(self) -> Address:
        assert self.delegation.frame.sender is not None, "recovered when it was decoded"
        return self.delegation.frame.sender

    @classmethod
    def decode(cls, raw: bytes) -> SignedDelegation:
        """Raises TransactionMalformed for anything but a canonical type-4 transaction that changes one delegate."""
        *members, authorizations, parity, r, s = _unwrap(raw, 13)
        (authorization,) = members_of(authorizations, 1)
        chain_id, delegate, nonce, *theirs = members_of(authorization, 6)
        found = _delegation(tuple(members), chain_id, delegate, nonce, NOBODY)
        account = signer_of(found.authorization_hash, *_numbers(*theirs))
        digest = keccak256(_TYPE_BYTE + rlp.encode([*members, authorizations]))
        sender = signer_of(digest, *_numbers(parity, r, s))
        return cls(replace(found, account=account, frame=found.frame.with_sender(sender)), raw)


def _unwrap(raw: bytes, length: int) -> tuple[rlp.Item, ...]:
    if raw[:1] != _TYPE_BYTE:
        raise TransactionMalformed("not of type 4")
    return members_of(rlp.decode(raw[1:]), length)


def _delegation(
    members: tuple[rlp.Item, ...], chain_id: rlp.Item, delegate: rlp.Item, nonce: rlp.Item, account: Address
) -> Delegation:
    frame = request_of(members)
    if rlp.decode_integer(chain_id, 63) != frame.chain_id:
        raise TransactionMalformed("authorization for another chain")
    return Delegation(frame, account, _address(delegate), rlp.decode_integer(nonce, 64))


def _address(item: rlp.Item) -> Address:
    if not isinstance(item, bytes) or len(item) != 20:
        raise TransactionMalformed("address expected")
    return Address.from_bytes(item)


def _numbers(parity: rlp.Item, r: rlp.Item, s: rlp.Item) -> tuple[int, int, int]:
    return rlp.decode_integer(parity, 8), rlp.decode_integer(r, 256), rlp.decode_integer(s, 256)
