"""Address poisoning: whose address passes for a payee's, and what is odd about a transfer."""

from __future__ import annotations

import pytest

from chain.address import Address
from chain.look_alike import Mark, Payees, marks

PAYEE = Address("0xabcd" + "1" * 32 + "ef01")
STRANGER = Address("0x" + "7" * 40)


@pytest.mark.parametrize(
    ("address", "imitates"),
    [
        ("0xabcd" + "2" * 32 + "ef01", True),
        ("0xabcd" + "2" * 36, True),
        ("0x" + "2" * 36 + "ef01", True),
        ("0xabce" + "1" * 32 + "ef02", False),
        ("0x" + "2" * 36 + "abcd", False),  # the first digits at the end
        (str(PAYEE), False),
    ],
)
def test_first_or_last_four_digits_make_a_look_alike(address, imitates):
    assert Payees.of([PAYEE]).is_imitated_by(Address(address.lower())) is imitates


def test_nobody_imitates_nobody():
    assert not Payees.of([]).is_imitated_by(STRANGER)
    assert not Payees.of([Address.ZERO]).is_imitated_by(Address("0x0000" + "1" * 36))
    near = Address("0xabcd" + "2" * 32 + "ef01")
    assert not Payees.of([PAYEE, near]).is_imitated_by(near), "one that was paid is known, however it looks"


def test_marks_say_what_is_odd():
    payees, near = Payees.of([PAYEE]), Address("0xabcd" + "2" * 32 + "ef01")
    assert marks(payees, near, 0, is_listed=False) == [Mark.LOOKS_ALIKE, Mark.NOTHING, Mark.UNLISTED]
    assert marks(payees, near, 5, is_listed=True) == [Mark.LOOKS_ALIKE]
    assert marks(payees, PAYEE, 5, is_listed=True) == marks(payees, STRANGER, 5, is_listed=True) == []
