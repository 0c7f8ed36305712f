"""Payment requests as `ethereum:` links (EIP-681): who is to get how much of what, on which chain. Pure and strict.

A link only suggests, and whoever wrote it is unknown: amount and asset are typed by the person, and a link that says
otherwise is refused instead of followed. Read are payments in the chain's coin and ERC-20 transfers; calls of other
functions are for dApps. Names (ENS) are not looked up. Suggested gas is read and left to the node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chain.address import Address
from chain.errors import AddressChecksumWrong, AddressMalformed
from chain.token import UNITS_MAX, TokenAmount
from wallet.errors import InputMalformed

SCHEME = "ethereum:"
LENGTH_MAX = 500
CHAIN_ID_MAX = 2**63 - 1
_LINK = re.compile(
    r"ethereum:(?:pay-)?(?P<target>[0-9A-Za-z.]{1,100})(?:@(?P<chain>[0-9]{1,19}))?(?:/(?P<function>[A-Za-z0-9_]{1,64}))?"
    r"(?:\?(?P<parameters>[0-9A-Za-z.=&+]{1,400}))?",
    re.ASCII,
)
_NUMBER = re.compile(
    r"\+?(?P<whole>[0-9]{0,78})(?:\.(?P<fraction>[0-9]{1,78}))?(?:[eE](?P<exponent>[0-9]{1,2}))?", re.ASCII
)
_GAS = frozenset({"gas", "gasLimit", "gasPrice"})


@dataclass(frozen=True, slots=True)
class PaymentUri:
    """`contract` None is the chain's coin, `chain_id` None the chain in use, `units` None whatever the payer likes."""

    to: Address
    chain_id: int | None = None
    contract: Address | None = None
    units: int | None = None

    @property
    def text(self) -> str:
        """As it is handed over, the chain always named. Reading it gives the same."""
        assert self.chain_id is not None
        if self.contract is None:
            value = f"?value={self.units}" if self.units is not None else ""
            return f"{SCHEME}{self.to}@{self.chain_id}{value}"
        amount = f"&uint256={self.units}" if self.units is not None else ""
        return f"{SCHEME}{self.contract}@{self.chain_id}/transfer?address={self.to}{amount}"


def is_payment_uri(text: str) -> bool:
    return text[: len(SCHEME)].lower() == SCHEME


def read_payment_uri(text: str) -> PaymentUri:
    """Raises InputMalformed; AddressChecksumWrong where letters of an address are mistyped."""
    found = _LINK.fullmatch(SCHEME + text[len(SCHEME) :]) if is_payment_uri(text) and len(text) <= LENGTH_MAX else None
    if found is None:
        raise _malformed(text, "ethereum:0x…@CHAIN is expected (EIP-681)")
    chain_id = int(found["chain"]) if found["chain"] else None
    if chain_id is not None and not 0 < chain_id <= CHAIN_ID_MAX:
        raise _malformed(text, "there is no such chain")
    target, given = _address(text, found["target"]), _parameters(text, found["parameters"])
    if found["function"] is None:
        _check_names(text, given, _GAS | {"value"})
        return PaymentUri(target, chain_id, None, _units(text, given.get("value")))
    if found["function"] != "transfer":
        raise _malformed(text, "it calls a contract, which is for dApps")
    _check_names(text, given, _GAS | {"address", "uint256"})
    if "address" not in given:
        raise _malformed(text, "it does not say who is paid")
    return PaymentUri(_address(text, given["address"]), chain_id, target, _units(text, given.get("uint256")))


def check_agrees(link: PaymentUri, text: str, amount: TokenAmount) -> None:
    """Is what was typed what the link asks for? Raises InputMalformed."""
    token = amount.token
    if link.chain_id not in (None, token.chain_id):
        raise _malformed(text, "it is for another chain than the one in use")
    if link.contract != token.address:
        raise _malformed(text, "it asks for another asset")
    if link.units not in (None, amount.units):
        raise _malformed(text, "it asks for another amount")


def _parameters(text: str, given: str | None) -> dict[str, str]:
    pairs = [part.partition("=") for part in given.split("&")] if given else []
    found = {name: value for name, mark, value in pairs if mark and value}
    if len(found) != len(pairs):
        raise _malformed(text, "a parameter is empty, or stands there twice")
    if not all(_number(value) is not None for name, value in found.items() if name in _GAS):
        raise _malformed(text, "a whole number of the smallest unit is expected, below 2^256")
    return found


def _check_names(text: str, given: dict[str, str], known: frozenset[str]) -> None:
    if not given.keys() <= known or {"gas", "gasLimit"} <= given.keys():
        raise _malformed(text, "a parameter is unknown, or stands there twice")


def _address(text: str, spelt: str) -> Address:
    try:
        return Address(spelt)
    except AddressChecksumWrong:
        raise
    except AddressMalformed:
        raise _malformed(text, "an address is expected; names are not looked up") from None


def _units(text: str, value: str | None) -> int | None:
    if value is None:
        return None
    units = _number(value)
    if units is None or units > UNITS_MAX:
        raise _malformed(text, "a whole number of the smallest unit is expected, below 2^256")
    return units


def _number(text: str) -> int | None:
    """`2.014e18`: the standard's number, if it is a whole one. None for anything else."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    whole, fraction, exponent = found["whole"], found["fraction"] or "", int(found["exponent"] or 0)
    if not whole + fraction or len(fraction) > exponent:
        return None
    return int(whole + fraction) * int("1" + "0" * (exponent - len(fraction)))


def _malformed(text: str, reason: str) -> InputMalformed:
    return InputMalformed("payee", text[:80], reason)
