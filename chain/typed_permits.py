"""Typed data that moves tokens or lets somebody take them, recognised by its exact types. Pure.

ERC-2612 and what DAI had before it, EIP-3009, and Permit2's six shapes. A contract checks a signature against exactly
these types: data of other types, whatever its members are called, is none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from chain.address import Address
from chain.effects import Act, Effect, permit2_allowance
from chain.methods import Standard
from chain.typed_atoms import Atom
from chain.typed_data import TypedData

_ALLOWED = "TokenPermissions(address token,uint256 amount)"
_ALLOWED_MEMBERS = (("address", "token"), ("uint256", "amount"))
_DETAILS = "PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
_AUTHORIZED = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
_WITNESSED = {
    "PermitWitnessTransferFrom": "(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,",
    "PermitBatchWitnessTransferFrom": "(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline,",
}


def effects_of_typed(typed: TypedData, signer: Address) -> tuple[Effect, ...]:
    """What a contract may do with the signature. Empty for typed data that is none of these."""
    read = _READERS.get(_shape(typed))
    values = _Values({leaf.path.removeprefix("message."): leaf.value for leaf in typed.message})
    contract = typed.domain_value("verifyingContract")
    if read is None or not isinstance(contract, Address):
        return ()
    return tuple(read(values, contract, signer))


def is_permit2(typed: TypedData) -> bool:
    """Has it the types of a Permit2 permission?"""
    return _shape(typed).startswith(("PermitSingle(", "PermitBatch(", "PermitTransferFrom", "PermitBatchTransferFrom"))


def _shape(typed: TypedData) -> str:
    """The primary type as EIP-712 encodes it; with a witness, whose type is anybody's, as without it."""
    encoded = typed.encode_type(typed.primary_type)
    opening = _WITNESSED.get(typed.primary_type)
    allowed = typed.types.get("TokenPermissions")
    if opening is None or not encoded.startswith(typed.primary_type + opening) or allowed != _ALLOWED_MEMBERS:
        return encoded
    plain = typed.primary_type.replace("Witness", "")
    return f"{plain}{opening[:-1]}){_ALLOWED}"


class _Values:
    """Members by path, as the types that were matched give them."""

    def __init__(self, values: Mapping[str, Atom]) -> None:
        self._values = values

    def address(self, path: str) -> Address:
        value = self._values[path]
        assert isinstance(value, Address)
        return value

    def number(self, path: str) -> int:
        value = self._values[path]
        assert isinstance(value, int)
        return value

    def entries(self, name: str) -> Iterator[str]:
        """Paths of an array's members."""
        number = 0
        while f"{name}[{number}].token" in self._values:
            yield f"{name}[{number}]"
            number += 1


def _permit(given: _Values, contract: Address, signer: Address) -> Iterator[Effect]:
    """The deadline is for handing it in: the allowance itself stays."""
    owner, spender, units = given.address("owner"), given.address("spender"), given.number("value")
    yield Effect(Act.ALLOW if units else Act.REVOKE, Standard.ERC2612, contract, owner, spender, units)


def _permit_of_dai(given: _Values, contract: Address, signer: Address) -> Iterator[Effect]:
    act, units = (Act.ALLOW, 2**256 - 1) if given.number("allowed") else (Act.REVOKE, 0)
    owner, spender = given.address("holder"), given.address("spender")
    yield Effect(act, Standard.ERC2612, contract, owner, spender, units)


def _permit_of_piece(given: _Values, contract: Address, signer: Address) -> Iterator[Effect]:
    number = given.number("tokenId")
    yield Effect(Act.ALLOW, Standard.ERC721, contract, signer, given.address("spender"), number=number)


def _authorization(given: _Values, contract: Address, signer: Address) -> Iterator[Effect]:
    owner, receiver = given.address("from"), given.address("to")
    yield Effect(Act.TRANSFER, Standard.ERC3009, contract, owner, receiver, given.number("value"))


def _single(given: _Values, contract: Address, signer: Address) -> Iterator[Effect]:
    yield _detail(given, "details", signer)


def _batch(given: _Values, contract: Address, signer: Address) -> Iterator[Effect]:
    for path in given.entries("details"):
        yield _detail(given, path, signer)


def _detail(given: _Values, path: str, signer: Address) -> Effect:
    units, ends = given.number(f"{path}.amount"), given.number(f"{path}.expiration")
    return permit2_allowance(given.address(f"{path}.token"), signer, given.address("spender"), units, ends)


def _once(given: _Values, contract: Address, signer: Address) -> Iterator[Effect]:
    yield _permitted(given, "permitted", signer)


def _once_each(given: _Values, contract: Address, signer: Address) -> Iterator[Effect]:
    for path in given.entries("permitted"):
        yield _permitted(given, path, signer)


def _permitted(given: _Values, path: str, signer: Address) -> Effect:
    """A transfer that the spender may make once, before the deadline, to whomever it likes."""
    units, ends = given.number(f"{path}.amount"), given.number("deadline")
    return permit2_allowance(given.address(f"{path}.token"), signer, given.address("spender"), units, ends)


_SPENDER = "address spender,uint256 nonce,uint256 deadline)"
_READERS: dict[str, Callable[[_Values, Address, Address], Iterator[Effect]]] = {
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)": _permit,
    "Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)": _permit_of_dai,
    "Permit(address spender,uint256 tokenId,uint256 nonce,uint256 deadline)": _permit_of_piece,
    f"TransferWithAuthorization{_AUTHORIZED}": _authorization,
    f"ReceiveWithAuthorization{_AUTHORIZED}": _authorization,
    f"PermitSingle(PermitDetails details,address spender,uint256 sigDeadline){_DETAILS}": _single,
    f"PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline){_DETAILS}": _batch,
    f"PermitTransferFrom(TokenPermissions permitted,{_SPENDER}{_ALLOWED}": _once,
    f"PermitBatchTransferFrom(TokenPermissions[] permitted,{_SPENDER}{_ALLOWED}": _once_each,
}
