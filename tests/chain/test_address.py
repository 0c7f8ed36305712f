"""EIP-55, with the standard's own vectors."""

import pytest

from chain.address import Address
from chain.errors import AddressChecksumWrong, AddressMalformed

EIP55 = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@pytest.mark.parametrize("text", EIP55)
def test_eip55_vectors_in_any_single_case(text: str) -> None:
    assert Address(text) == text
    assert Address(text.lower()) == text
    assert Address("0x" + text[2:].upper()) == text
    assert Address.from_bytes(bytes.fromhex(text[2:])) == text
    assert Address(text).raw.hex() == text[2:].lower()


def test_a_wrong_case_is_refused_and_says_what_it_should_be() -> None:
    with pytest.raises(AddressChecksumWrong) as caught:
        Address("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
    assert caught.value.expected == EIP55[4]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        EIP55[4][:-1],
        EIP55[4] + "0",
        EIP55[4][2:],
        " " + EIP55[4],
        EIP55[4] + "\n",
        "0X" + EIP55[4][2:],
        "0x" + 40 * "g",
        "0x" + 40 * "\uff11",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(AddressMalformed):
        Address(text)


def test_zero_and_length() -> None:
    assert Address.ZERO.is_zero
    assert not Address(EIP55[0]).is_zero
    with pytest.raises(AddressMalformed):
        Address.from_bytes(bytes(19))
