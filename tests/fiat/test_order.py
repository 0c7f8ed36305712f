"""Orders: one spelling, one digest, one signer. Equality with viem stands in tests/vectors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from coincurve import PrivateKey
from Crypto.Hash import keccak

from fiat.authority import Keys, SaltedText, authorise, check_texts, legs, timed
from fiat.currency import currency
from fiat.errors import (
    AmountNotPositive,
    AmountTooLarge,
    CurrencyUnknown,
    HolderFrozen,
    OrderEpochWrong,
    OrderExpired,
    OrderKeyUnknown,
    OrderMalformed,
    OrderNotYetValid,
    OrderRefused,
    OrderSignatureWrong,
    OrderTextWrong,
    OrderTotalTooSmall,
    OrderTypeUnbuilt,
    OrderWindowTooLong,
)
from fiat.holder import HolderGenesis, Recovery, account_id, fingerprint, leg_id
from fiat.order import (
    ORDER_TYPES,
    LedgerControl,
    LedgerHold,
    LedgerTransfer,
    LedgerWithdrawal,
    SignedOrder,
    order_from_json,
    text_hash,
)
from fiat.signature import address_of, domain_separator, keccak256, recover
from fiat.transfer import TransferFlags

LEDGER = bytes(range(32))
KEY = PrivateKey(b"\x07" * 32)
SIGNER = address_of(KEY.public_key)
NOW = 1_800_000_000
CURRENCIES = {"EUR": currency("EUR"), "JPY": currency("JPY")}
SHOWN = SaltedText(b"\x01" * 16, "@bob\nlunch")
KEYS = Keys(b"\xaa" * 32, 1, frozenset({SIGNER}))


def transfer(**changes: object) -> LedgerTransfer:
    order = LedgerTransfer(
        holder=b"\xaa" * 32,
        key_epoch=1,
        nonce=b"\xbb" * 32,
        valid_after=NOW - 60,
        valid_before=NOW + 900,
        seen_head=b"\xaa" * 32,
        payee=b"\xcc" * 32,
        shown=SHOWN.hash,
        currency="EUR",
        exponent=2,
        amount_minor=4000,
        total_max_minor=4000,
    )
    return replace(order, **changes)  # type: ignore[arg-type]


def sign(order: LedgerTransfer, key: PrivateKey = KEY, ledger: bytes = LEDGER) -> SignedOrder:
    signature = key.sign_recoverable(order.digest(ledger), hasher=None)
    return SignedOrder(order, signature[:64] + bytes([signature[64] + 27]))


def test_keccak_is_ethereums() -> None:
    # Yellow paper, the hash of nothing; EIP-712's domain hashing is compared with viem elsewhere.
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert len({domain_separator(LEDGER), domain_separator(bytes(32))}) == 2


def test_an_order_reads_back_from_its_json() -> None:
    order = transfer()
    assert order_from_json("LedgerTransfer", order.to_json()) == order
    assert set(ORDER_TYPES) == {
        f"Ledger{kind}" for kind in ("Transfer", "Withdrawal", "Conversion", "Hold", "Mandate", "Control")
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amountMinor", 4000),
        ("amountMinor", "04000"),
        ("amountMinor", "4e3"),
        ("amountMinor", "-1"),
        ("amountMinor", str(2**64)),
        ("amountMinor", True),
        ("amountMinor", "٤"),
        ("holder", "0x" + "AA" * 32),
        ("holder", "aa" * 32),
        ("holder", "0x" + "aa" * 31),
        ("currency", ""),
        ("currency", "EUR\0"),
        ("currency", "EURO EURO"),
        ("currency", "Ｅ"),
        ("exponent", "256"),
        ("keyEpoch", str(2**32)),
        ("nonce", None),
    ],
)
def test_any_other_spelling_is_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(OrderMalformed) as refused:
        order_from_json("LedgerTransfer", {**transfer().to_json(), field: value})
    assert refused.value.fields()["field"] == field


def test_missing_and_unknown_fields_are_named() -> None:
    document = transfer().to_json()
    with pytest.raises(OrderMalformed, match="memo"):
        order_from_json("LedgerTransfer", {**document, "memo": "x"})
    del document["payee"]
    with pytest.raises(OrderMalformed, match="payee"):
        order_from_json("LedgerTransfer", document)
    with pytest.raises(OrderTypeUnbuilt):
        order_from_json("LedgerGift", document)


def test_every_field_changes_the_digest() -> None:
    base = transfer()
    digests = {base.digest(LEDGER), base.digest(bytes(32))}
    for name, kind in base.STRUCT.fields:
        document = base.to_json()
        document[name] = "JPY" if kind == "string" else "0x" + "11" * 32 if kind == "bytes32" else "7"
        digests.add(order_from_json("LedgerTransfer", document).digest(LEDGER))
    assert len(digests) == len(base.STRUCT.fields) + 2


def test_signatures_are_65_bytes_with_low_s() -> None:
    signed = sign(transfer())
    assert signed.signer(LEDGER) == SIGNER
    order_n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = int.from_bytes(signed.signature[32:64], "big")
    high = signed.signature[:32] + (order_n - s).to_bytes(32, "big") + bytes([55 - signed.signature[64]])
    for wrong in (
        high,
        signed.signature[:64],
        signed.signature[:64] + b"\0",
        bytes(64) + b"\x1b",
        b"\xff" * 64 + b"\x1b",
    ):
        with pytest.raises(OrderSignatureWrong):
            recover(signed.order.digest(LEDGER), wrong)


def test_the_holders_key_authorises() -> None:
    assert authorise(sign(transfer()), LEDGER, KEYS, NOW) == SIGNER


@pytest.mark.parametrize(
    ("signed", "keys", "now", "error"),
    [
        (sign(transfer()), KEYS, NOW + 900, OrderExpired),
        (sign(transfer()), KEYS, NOW - 61, OrderNotYetValid),
        (sign(transfer(valid_before=NOW + 901)), KEYS, NOW, OrderWindowTooLong),
        (sign(transfer(), PrivateKey(b"\x08" * 32)), KEYS, NOW, OrderKeyUnknown),
        (sign(transfer(), ledger=bytes(32)), KEYS, NOW, OrderKeyUnknown),
        (SignedOrder(transfer(amount_minor=4001), sign(transfer()).signature), KEYS, NOW, OrderKeyUnknown),
        (sign(transfer(key_epoch=2)), KEYS, NOW, OrderEpochWrong),
        (sign(transfer()), replace(KEYS, frozen=True), NOW, HolderFrozen),
        (sign(transfer()), replace(KEYS, holder=b"\xdd" * 32), NOW, OrderMalformed),
    ],
)
def test_what_does_not_authorise(signed: SignedOrder, keys: Keys, now: int, error: type[OrderRefused]) -> None:
    with pytest.raises(error):
        authorise(signed, LEDGER, keys, now)


def test_texts_must_give_the_signed_hashes() -> None:
    check_texts(transfer(), {"shown": SHOWN})
    for texts in ({}, {"shown": SaltedText(SHOWN.salt, "@eve")}, {"shown": SHOWN, "destination": SHOWN}):
        with pytest.raises(OrderTextWrong):
            check_texts(transfer(), texts)
    long = SaltedText(SHOWN.salt, "é" * 501)
    with pytest.raises(OrderTextWrong):
        check_texts(transfer(shown=long.hash), {"shown": long})
    with pytest.raises(OrderMalformed):
        text_hash(b"short", "x")


def test_legs_are_one_linked_chain_with_derived_ids() -> None:
    order = transfer(total_max_minor=4100)
    amount, fee = legs(order, LEDGER, CURRENCIES, payout="payout:sandbox", fee_minor=100)
    assert amount.id == leg_id(order.holder, order.nonce, 0) and fee.id == leg_id(order.holder, order.nonce, 1)
    assert (amount.amount, amount.flags, fee.amount, fee.flags) == (4000, 1, 100, 0)
    assert amount.debit_account_id == fee.debit_account_id == account_id(order.holder, CURRENCIES["EUR"])
    assert amount.credit_account_id == account_id(order.payee, CURRENCIES["EUR"])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"amount_minor": 0}, AmountNotPositive),
        ({"amount_minor": 10**17 + 1, "total_max_minor": 2**63}, AmountTooLarge),
        ({"total_max_minor": 3999}, OrderTotalTooSmall),
        ({"payee": b"\xaa" * 32}, OrderMalformed),
        ({"currency": "USD"}, CurrencyUnknown),
        ({"exponent": 3}, OrderMalformed),
        ({"currency": "JPY"}, OrderMalformed),
    ],
)
def test_legs_refuse(changes: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        legs(transfer(**changes), LEDGER, CURRENCIES, payout="payout:sandbox")


def test_legs_of_the_other_types() -> None:
    common = {
        name: getattr(transfer(), name) for name in ("holder", "key_epoch", "nonce", "valid_after", "valid_before")
    }
    money = {"seen_head": b"\0" * 32, "shown": b"\0" * 32, "currency": "EUR", "exponent": 2}
    with pytest.raises(OrderTypeUnbuilt):
        legs(LedgerControl(**common, seen_head=bytes(32), action="freeze"), LEDGER, CURRENCIES, payout="payout:sandbox")
    hold = LedgerHold(**common, **money, captor=b"\1" * 32, amount_minor=1, total_max_minor=1, until=NOW + 9)
    (leg,) = legs(hold, LEDGER, CURRENCIES, payout="payout:sandbox")
    assert (leg.flags, leg.credit_account_id) == (TransferFlags.PENDING, account_id(b"\1" * 32, CURRENCIES["EUR"]))
    assert [each.timeout for each in timed(hold, (leg,), NOW * 10**9 + 1)] == [8]
    payout = LedgerWithdrawal(**common, **money, destination=b"\1" * 32, amount_minor=1, total_max_minor=1)
    (leg,) = legs(payout, LEDGER, CURRENCIES, payout="payout:sandbox")
    assert leg.credit_account_id == account_id(bytes(32), CURRENCIES["EUR"], "payout:sandbox")


def test_a_holder_id_pins_root_salt_and_choice() -> None:
    genesis = HolderGenesis(SIGNER, b"\x05" * 32, Recovery.RECOVERABLE)
    assert HolderGenesis.parse(genesis.document) == genesis
    assert genesis.holder_id == keccak256(b"\x01" + SIGNER + b"\x05" * 32 + b"\x01")
    others = [
        replace(genesis, recovery=Recovery.NEVER),
        replace(genesis, salt=bytes(32)),
        replace(genesis, root=b"\1" * 20),
    ]
    assert len({g.holder_id for g in [genesis, *others]}) == 4
    for wrong in (b"", genesis.document + b"\0", b"\x02" + genesis.document[1:], genesis.document[:-1] + b"\x04"):
        with pytest.raises(OrderMalformed):
            HolderGenesis.parse(wrong)
    assert fingerprint(bytes.fromhex("3f2a91c077de0b12") + bytes(24)) == "3f2a 91c0 77de 0b12"


def test_keccak_is_the_librarys_own_at_every_length():
    """The state that is used again gives what a fresh object gives: around each multiple of the sponge's rate too."""
    data = bytes(range(256)) * 3
    for length in range(len(data)):
        assert keccak256(data[:length]) == keccak.new(digest_bits=256, data=data[:length]).digest()


def test_keccak_in_many_threads():
    lengths = [list(range(start, 700, 8)) for start in range(8)]
    data = bytes(700)

    def digests(of):
        return [keccak256(data[:length]) for length in of for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(digests, lengths)) == [digests(of) for of in lengths]
