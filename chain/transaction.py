"""Transactions of EIP-1559 (type 2): what is asked for, the bytes that are signed, the bytes that are sent.

Pure and small on purpose: the signer shows and signs what this module reads from the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from coincurve import PublicKey

from chain import rlp
from chain.address import Address
from chain.errors import TransactionMalformed
from chain.keccak import keccak256

TYPE_BYTE = b"\x02"
DATA_BYTES_MAX = 256 * 1024
TRANSFER_GAS = 21_000
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_BITS = {"chain_id": 63, "nonce": 64, "max_priority_fee_per_gas": 256, "max_fee_per_gas": 256, "gas": 64, "value": 256}

AccessList = tuple[tuple[Address, tuple[bytes, ...]], ...]


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """What one account asks the chain to do. Values are wei, fees wei per gas; `to` None creates a contract.

    A field that is None is filled in by `Node.prepare`; `sender` is no part of the bytes (the signature tells it).
    Raises TransactionMalformed for a field out of bounds.
    """

    chain_id: int
    to: Address | None
    value: int = 0
    data: bytes = b""
    sender: Address | None = None
    nonce: int | None = None
    max_priority_fee_per_gas: int | None = None
    max_fee_per_gas: int | None = None
    gas: int | None = None
    access_list: AccessList = ()

    def __post_init__(self) -> None:
        for name, bits in _BITS.items():
            number = getattr(self, name)
            if number is not None and not 0 <= number < 2**bits:
                raise TransactionMalformed(f"{name} out of bounds")
        if self.chain_id == 0:
            raise TransactionMalformed("chain_id zero would be valid on every chain")
        if len(self.data) > DATA_BYTES_MAX:
            raise TransactionMalformed("data too long")
        priority, fee = self.max_priority_fee_per_gas, self.max_fee_per_gas
        if priority is not None and fee is not None and priority > fee:
            raise TransactionMalformed("max_priority_fee_per_gas above max_fee_per_gas")

    @property
    def is_prepared(self) -> bool:
        return None not in (self.nonce, self.max_priority_fee_per_gas, self.max_fee_per_gas, self.gas)

    @property
    def fee_max(self) -> int:
        """The most that the fee can be, in wei."""
        return _filled(self.gas, "gas") * _filled(self.max_fee_per_gas, "max_fee_per_gas")

    @property
    def unsigned_payload(self) -> bytes:
        """The bytes whose keccak256 is signed. Raises TransactionMalformed where a field is still open."""
        return TYPE_BYTE + rlp.encode(self.members)

    @property
    def signing_hash(self) -> bytes:
        return keccak256(self.unsigned_payload)

    @classmethod
    def decode(cls, payload: bytes) -> TransactionRequest:
        """Reads an unsigned payload; anything but the canonical encoding raises TransactionMalformed."""
        return request_of(members_of(_unwrap(payload), 9))

    def with_sender(self, sender: Address) -> TransactionRequest:
        return replace(self, sender=sender)

    def to_rpc(self) -> dict[str, object]:
        """The object that eth_call, eth_estimateGas and eth_sendTransaction take."""
        numbers = {
            "value": self.value,
            "nonce": self.nonce,
            "gas": self.gas,
            "maxFeePerGas": self.max_fee_per_gas,
            "maxPriorityFeePerGas": self.max_priority_fee_per_gas,
        }
        call: dict[str, object] = {name: hex(n) for name, n in numbers.items() if n is not None}
        call |= {"from": self.sender} if self.sender else {}
        call |= {"to": self.to} if self.to else {}
        call |= {"data": "0x" + self.data.hex()} if self.data else {}
        return call

    @property
    def members(self) -> list[rlp.Item]:
        """The nine that types 2 and 4 begin with, as RLP takes them."""
        return [
            rlp.encode_integer(self.chain_id),
            rlp.encode_integer(_filled(self.nonce, "nonce")),
            rlp.encode_integer(_filled(self.max_priority_fee_per_gas, "max_priority_fee_per_gas")),
            rlp.encode_integer(_filled(self.max_fee_per_gas, "max_fee_per_gas")),
            rlp.encode_integer(_filled(self.gas, "gas")),
            self.to.raw if self.to else b"",
            rlp.encode_integer(self.value),
            self.data,
            [[address.raw, list(keys)] for address, keys in self.access_list],
        ]


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A request with its signature. `raw` is what eth_sendRawTransaction takes; `request.sender` is recovered."""

    request: TransactionRequest
    y_parity: int
    r: int
    s: int
    raw: bytes
    hash: bytes

    @classmethod
    def join(cls, request: TransactionRequest, signature: bytes) -> SignedTransaction:
        """Of a prepared request and the 65 bytes r, s, v (v 0 or 1, 27 or 28).

        Raises TransactionMalformed where they recover to another account than `request.sender`.
        """
        signed = _signed(request, *split(signature))
        if request.sender not in (None, signed.request.sender):
            raise TransactionMalformed("signed by another account")
        return signed

    @classmethod
    def decode(cls, raw: bytes) -> SignedTransaction:
        """Raises TransactionMalformed for anything but a canonical signed type-2 transaction with low s."""
        members = members_of(_unwrap(raw), 12)
        parity = rlp.decode_integer(members[9], 8)
        r, s = rlp.decode_integer(members[10], 256), rlp.decode_integer(members[11], 256)
        return _signed(request_of(members[:9]), parity, r, s)

    @property
    def hash_hex(self) -> str:
        return "0x" + self.hash.hex()

    @property
    def sender(self) -> Address:
        if self.request.sender is None:
            raise TransactionMalformed("no sender")
        return self.request.sender


def _signed(request: TransactionRequest, parity: int, r: int, s: int) -> SignedTransaction:
    sender = signer_of(request.signing_hash, parity, r, s)
    raw = TYPE_BYTE + rlp.encode([*request.members, *(rlp.encode_integer(number) for number in (parity, r, s))])
    return SignedTransaction(request.with_sender(sender), parity, r, s, raw, keccak256(raw))


def split(signature: bytes) -> tuple[int, int, int]:
    """Parity, r and s of the 65 bytes r, s, v (v 0 or 1, 27 or 28). Raises TransactionMalformed."""
    if len(signature) != 65:
        raise TransactionMalformed("signature of 65 bytes expected")
    parity = signature[64] - 27 if signature[64] >= 27 else signature[64]
    return parity, int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


def signer_of(digest: bytes, parity: int, r: int, s: int) -> Address:
    """Whose low-s signature it is. Raises TransactionMalformed."""
    if parity not in (0, 1) or not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        raise TransactionMalformed("signature out of bounds")
    compact = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        public_key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except Exception as error:  # coincurve raises plain Exception for a signature that fits no key
        raise TransactionMalformed("signature fits no account") from error
    return Address.from_public_key(public_key.format(compressed=False))


def _unwrap(raw: bytes) -> rlp.Item:
    if len(raw) > DATA_BYTES_MAX + 64 * 1024:
        raise TransactionMalformed("too long")
    if raw[:1] != TYPE_BYTE:
        raise TransactionMalformed("not of type 2")
    return rlp.decode(raw[1:])


def members_of(item: rlp.Item, length: int) -> tuple[rlp.Item, ...]:
    """Of a list of that length. Raises TransactionMalformed."""
    if isinstance(item, bytes) or len(item) != length:
        raise TransactionMalformed(f"{length} members expected")
    return tuple(item)


def request_of(members: tuple[rlp.Item, ...]) -> TransactionRequest:
    """Of the nine members. Raises TransactionMalformed."""
    return TransactionRequest(
        chain_id=rlp.decode_integer(members[0], 63),
        nonce=rlp.decode_integer(members[1], 64),
        max_priority_fee_per_gas=rlp.decode_integer(members[2], 256),
        max_fee_per_gas=rlp.decode_integer(members[3], 256),
        gas=rlp.decode_integer(members[4], 64),
        to=_receiver(members[5]),
        value=rlp.decode_integer(members[6], 256),
        data=_bytes(members[7]),
        access_list=tuple(_access(entry) for entry in _entries(members[8])),
    )


def _bytes(item: rlp.Item, length: int | None = None) -> bytes:
    if not isinstance(item, bytes) or (length is not None and len(item) != length):
        raise TransactionMalformed("bytes expected")
    return item


def _receiver(item: rlp.Item) -> Address | None:
    return None if item == b"" else Address.from_bytes(_bytes(item, 20))


def _entries(item: rlp.Item) -> tuple[rlp.Item, ...]:
    if isinstance(item, bytes):
        raise TransactionMalformed("list expected")
    return tuple(item)


def _access(item: rlp.Item) -> tuple[Address, tuple[bytes, ...]]:
    address, keys = members_of(item, 2)
    return Address.from_bytes(_bytes(address, 20)), tuple(_bytes(key, 32) for key in _entries(keys))


def _filled(number: int | None, name: str) -> int:
    if number is None:
        raise TransactionMalformed(f"{name} is not filled in")
    return number
