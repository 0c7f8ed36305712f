"""Version 1's values as a person is shown them, and as the signer reads them: one digest."""

from __future__ import annotations

import json

import pytest

from chain.address import Address
from wallet.errors import BytesNotUnderstood
from wallet.review import Caution, Label
from wallet.review_typed_values import review_typed_values
from wallet.signable import KeyKind
from wallet.signable_values import is_typed_values, read_typed_values

ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")


def document(value="hi", name="A text"):
    return json.dumps([{"type": "string", "name": name, "value": value}])


def test_every_value_is_shown_and_the_missing_domain_is_told():
    shown = review_typed_values(document(), account=ALICE, origin="https://app.example")
    assert [(fact.about, fact.value) for fact in shown.facts if fact.label is Label.MEMBER] == [("A text", "hi")]
    assert shown.cautions == (Caution.NO_DOMAIN,) and shown.kind == "sign_typed_data"
    assert read_typed_values(document()).digest == shown.digest
    assert read_typed_values(document()).keys == {KeyKind.ACCOUNT}


def test_what_hides_or_is_too_long_is_told():
    hiding = review_typed_values(document("a\u202eb"), account=ALICE, origin="x")
    assert Caution.HIDDEN_CHARACTERS in hiding.cautions
    assert Caution.TOO_LONG in review_typed_values(document("a" * 40_000), account=ALICE, origin="x").cautions


def test_malformed_and_long_ones_are_not_understood():
    for broken in ("[]", "[1]", document("a" * 300_000)):
        with pytest.raises(BytesNotUnderstood):
            read_typed_values(broken)


def test_an_array_is_version_1():
    assert is_typed_values(" [") and not is_typed_values("{}")
