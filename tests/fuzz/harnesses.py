"""What the fuzzers hold true of every input, by name; and, for each, a bug that was seeded to see that they find it.

A harness takes bytes and raises nothing, or the fuzzer stops: a refusal of ours is the expected answer to most inputs,
anything else is a finding. What is understood is held against a second opinion: the encoder, or a plain reading of the
standard that shares no code with ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from unicodedata import normalize
from unittest.mock import patch

import eth_keyfile
from Crypto.Hash import keccak

from chain import calldata, typed_data
from chain.address import Address
from chain.calls import OUTPUT_BYTES_MAX, OUTPUT_TIMES, Fault, unfold
from chain.effects import effects_of
from chain.errors import AddressChecksumWrong, TransactionMalformed, TypedDataMalformed
from chain.methods import METHODS
from chain.transaction import SignedTransaction, TransactionRequest
from chain.typed_atoms import Reader
from chain.typed_data import TypedData
from wallet import keystore, mnemonic, payment_uri
from wallet.errors import (
    ChecksumWrong,
    InputMalformed,
    KeystoreMalformed,
    KeystoreUnopened,
    WordCountWrong,
    WordUnknown,
)
from wallet.keystore import open_keystore
from wallet.mnemonic import Language, readings, word_list
from wallet.payment_uri import PaymentUri, read_payment_uri

ME, TOKEN = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
PASSWORD = "correct horse"
SELECTORS = sorted(METHODS)


class Finding(Exception):
    """Something that should hold of every input does not hold of this one."""


def holds(what: str, is_so: object) -> None:
    if not is_so:
        raise Finding(what)


def hashed(data: bytes) -> bytes:
    return bytes(keccak.new(digest_bits=256, data=data).digest())


# Calldata and transactions


def fuzz_calldata(data: bytes) -> None:
    """The first byte chooses a known function, or one of any selector; or that all is a transaction."""
    if not data:
        return
    if data[0] >= 250:
        _transaction(data[1:])
        return
    known = data[0] < len(SELECTORS)
    given = (SELECTORS[data[0]] if known else b"") + data[1:]
    call = unfold(ME, TOKEN, 0, given)
    unfolded = 0
    for one in call.walk():
        list(effects_of(one))
        unfolded += len(one.data) if one.place and one.fault is not Fault.TOO_MUCH else 0
        if one.named is not None:
            types = one.signature[one.signature.index("(") :]
            holds("what was read is what is written", calldata.encode(types, list(one.named.values())) == one.data[4:])
    holds("output is bounded by the input", unfolded <= min(OUTPUT_TIMES * len(given), OUTPUT_BYTES_MAX))


def _transaction(raw: bytes) -> None:
    for read, written in (
        (TransactionRequest.decode, lambda found: found.unsigned_payload),
        (SignedTransaction.decode, lambda found: found.raw),
    ):
        try:
            found = read(raw)
        except TransactionMalformed:
            continue
        holds("a transaction is written as it was read", written(found) == raw)


# Typed data


def fuzz_typed_data(data: bytes) -> None:
    try:
        found = TypedData.parse(data)
    except TypedDataMalformed:
        return
    document = json.loads(data)
    types: dict[str, Any] = {"EIP712Domain": [], **document["types"]}
    domain = _struct(types, "EIP712Domain", document.get("domain", {}))
    holds("the domain's hash is the standard's", domain == found.domain_separator)
    message = b"" if found.primary_type == "EIP712Domain" else _struct(types, found.primary_type, document["message"])
    holds("the message's hash is the standard's", message == found.message_hash)
    holds("the digest is the standard's", hashed(b"\x19\x01" + domain + message) == found.digest)


def _struct(types: Mapping[str, Any], name: str, value: Mapping[str, Any]) -> bytes:
    """hashStruct, read off the standard's page."""
    members = [(one["type"], one["name"]) for one in types[name]]
    words = [_member(types, kind, value[member]) for kind, member in members]
    return hashed(hashed(_type_text(types, name).encode()) + b"".join(words))


def _type_text(types: Mapping[str, Any], name: str) -> str:
    def used(one: str, seen: set[str]) -> set[str]:
        if one in types and one not in seen:
            seen.add(one)
            for member in types[one]:
                used(member["type"].partition("[")[0], seen)
        return seen

    others = sorted(used(name, set()) - {name})
    return "".join(f"{n}({','.join(m['type'] + ' ' + m['name'] for m in types[n])})" for n in (name, *others))


def _member(types: Mapping[str, Any], kind: str, value: Any) -> bytes:
    if kind.endswith("]"):
        holds("an array is an array", isinstance(value, list))
        return hashed(b"".join(_member(types, kind[: kind.rindex("[")], item) for item in value))
    if kind in types:
        return _struct(types, kind, value)
    if kind == "string":
        return hashed(value.encode())
    if kind == "bytes":
        return hashed(bytes.fromhex(value[2:]))
    if kind.startswith("bytes"):
        return bytes.fromhex(value[2:]).ljust(32, b"\0")
    if kind == "address":
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    holds("only a bool is a bool", isinstance(value, bool) is (kind == "bool"))
    number = int(value, 0) if isinstance(value, str) and value[:2] == "0x" else int(value)
    return number.to_bytes(32, "big", signed=kind.startswith("int"))


# Payment links


def fuzz_uris(data: bytes) -> None:
    text = data.decode("latin-1")
    try:
        found = read_payment_uri(text)
    except (InputMalformed, AddressChecksumWrong):
        return
    lower = text.lower()
    for address in (found.to, found.contract):
        holds("whoever is named stands in the link", address is None or address.lower() in lower)
    name = "uint256" if found.contract else "value"
    asked = [part[len(name) + 1 :] for part in text.partition("?")[2].split("&") if part.startswith(name + "=")]
    exact = [Context(prec=400).create_decimal(one) for one in asked]
    holds(
        "the amount is the link's to the last digit", exact == ([] if found.units is None else [Decimal(found.units)])
    )
    holds("a link says the same when it is written anew", read_payment_uri(_rendered(found)) == found)


def _rendered(link: PaymentUri) -> str:
    chain = "" if link.chain_id is None else f"@{link.chain_id}"
    if link.contract is None:
        return f"ethereum:{link.to}{chain}" + ("" if link.units is None else f"?value={link.units}")
    amount = "" if link.units is None else f"&uint256={link.units}"
    return f"ethereum:{link.contract}{chain}/transfer?address={link.to}{amount}"


# Phrases


def fuzz_phrases(data: bytes) -> None:
    """The first byte: a list whose words the others choose, or that they are text as it was typed."""
    if not data:
        return
    language = list(Language)[data[0]] if data[0] < len(Language) else None
    typed = data[1:200].decode("utf-8", "replace") if language is None else _chosen(data[1:49], language)
    try:
        found = readings(typed)
    except (WordCountWrong, WordUnknown, ChecksumWrong):
        found = ()
    for one in found:
        holds("a phrase that is read is read again", one in readings(one.text))
        holds("no other words are read than were typed", one.language != language or _words(one.text) == _words(typed))
    if language is not None:
        read = any(one.language is language for one in found)
        holds("a phrase is read if its checksum is right, and only then", read == _is_right(typed, language))


def _words(text: str) -> list[str]:
    return normalize("NFKD", text).split()


@lru_cache
def _numbers(language: Language) -> dict[str, int]:
    return {word: number for number, word in enumerate(word_list(language))}


def _is_right(typed: str, language: Language) -> bool:
    """BIP-39's checksum, over the bits as text."""
    words = _words(typed)
    bits = "".join(f"{_numbers(language)[word]:011b}" for word in words)
    entropy, check = bits[: len(bits) * 32 // 33], bits[len(bits) * 32 // 33 :]
    if len(words) not in (12, 15, 18, 21, 24):
        return False
    hashed_bits = f"{hashlib.sha256(int(entropy, 2).to_bytes(len(entropy) // 8, 'big')).digest()[0]:08b}"
    return hashed_bits.startswith(check)


def _chosen(numbers: bytes, language: Language) -> str:
    listed = word_list(language)
    pairs = zip(numbers[::2], numbers[1::2], strict=False)
    return " ".join(listed[(high << 8 | low) % len(listed)] for high, low in pairs)


# Keystores


def fuzz_keystores(data: bytes) -> None:
    try:
        text = data.decode()
        key = open_keystore(text, PASSWORD)
    except (UnicodeDecodeError, KeystoreMalformed, KeystoreUnopened):
        return
    document = json.loads(text)
    named = [value for name, value in document.items() if name.lower() == "address"]
    claimed = named[0].lower().removeprefix("0x") if named else ""
    holds("the key is that of the address", not claimed or claimed == key.address[2:].lower())
    try:
        other = eth_keyfile.decode_keyfile_json(document, PASSWORD.encode())
    except (ValueError, TypeError, KeyError, NotImplementedError, AttributeError) as error:
        holds("no other reader finds it forged", "MAC" not in str(error))
        return
    holds("other readers find the same key", int.from_bytes(other, "big") == int.from_bytes(key.raw, "big"))


# What is only cheaper: a file that asks for more work is refused, as it is at the real bounds.
CHEAPER = {"MEMORY_BYTES_MAX": 1 << 16, "WORK_BYTES_MAX": 1 << 17, "ROUNDS_MAX": 64}


def _padding_ignored(kind: Any, word: bytes) -> Any:
    return Address.from_bytes(word[12:]) if kind.kind is calldata.Kind.ADDRESS else DECODE_WORD(kind, word)


def _bool_taken_for_a_number(read: Reader) -> Reader:
    return lambda value, path: read(int(value) if isinstance(value, bool) else value, path)


def _fraction_cut_off(text: str) -> int | None:
    found = payment_uri._NUMBER.fullmatch(text)
    return None if found is None or not found["whole"] else int(Decimal(text))


def _last_checksum_bit_ignored(indexes: list[int]) -> bytes | None:
    return next((e for last in (0, 1) if (e := ENTROPY([*indexes[:-1], indexes[-1] ^ last])) is not None), None)


DECODE_WORD, ENTROPY = calldata._decode_word, mnemonic._entropy
LAX = {kind: _bool_taken_for_a_number(read) for kind, read in typed_data.READERS.items() if "int" in kind}
HARNESSES: dict[str, Callable[[bytes], None]] = {
    "calldata": fuzz_calldata,
    "typed_data": fuzz_typed_data,
    "uris": fuzz_uris,
    "phrases": fuzz_phrases,
    "keystores": fuzz_keystores,
}
BUGS: dict[str, Callable[[], Any]] = {
    "calldata": lambda: patch.object(calldata, "_decode_word", _padding_ignored),
    "typed_data": lambda: patch.dict(typed_data.READERS, LAX),
    "uris": lambda: patch.object(payment_uri, "_number", _fraction_cut_off),
    "phrases": lambda: patch.object(mnemonic, "_entropy", _last_checksum_bit_ignored),
    "keystores": lambda: patch.object(keystore, "hmac", SimpleNamespace(compare_digest=lambda left, right: True)),
}
"""Each makes ours wrong in a way that an input near the corpus shows."""
JSON = frozenset({"typed_data", "keystores"})
"""Harnesses whose inputs are JSON: bytes changed at random are none, mostly."""
