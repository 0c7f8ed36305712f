"""What a typed-data review shows: the declared members, in their order, and nothing else."""

from __future__ import annotations

import copy
import json

import pytest

from chain.address import Address
from wallet.errors import BytesNotUnderstood
from wallet.purse import DESCRIPTORS, TOKENS
from wallet.review import Caution, Known, Label, Refusal, Title
from wallet.review_effects import PERMIT2
from wallet.review_typed_data import review_typed_data
from wallet.signable import parse_typed_data

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
OTHER = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
STRANGER = Address("0x" + "5e" * 20)
DUSD, DWETH = (TOKENS.by_symbol(31337, symbol) for symbol in ("DUSD", "DWETH"))
NOW = 1_700_000_000
KNOWN = Known(TOKENS, frozenset({ME}), frozenset({OTHER}), descriptors=DESCRIPTORS)
NOTE = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Note": [
            {"name": "to", "type": "Person[]"},
            {"name": "urgent", "type": "bool"},
            {"name": "seal", "type": "bytes"},
            {"name": "count", "type": "int64"},
        ],
    },
    "primaryType": "Note",
    "domain": {"name": "Notes", "chainId": 31337},
    "message": {"to": [{"name": "Bob", "wallet": OTHER}], "urgent": True, "seal": "0xff00", "count": "-5"},
}


def of(document, origin="https://app.example", **options):
    text = document if isinstance(document, str) else json.dumps(document)
    asked = {"account": ME, "known": KNOWN, "origin": origin, "host": "127.0.0.1:8000", **options}
    return review_typed_data(text, **asked)


def told(review, label):
    return [fact.value for fact in review.facts if fact.label is label]


def declared(text):
    """`address owner,uint256 value` as the JSON of a type's members."""
    return [dict(zip(("type", "name"), member.split(), strict=True)) for member in text.split(",")]


def document_of(primary, types, domain, message):
    known = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
    all_types = {"EIP712Domain": declared(",".join(f"{known[name]} {name}" for name in domain))}
    all_types |= {name: declared(members) for name, members in types.items()}
    return {"types": all_types, "primaryType": primary, "domain": domain, "message": message}


def permit(domain=(), **message):
    shape = "address owner,address spender,uint256 value,uint256 nonce,uint256 deadline"
    whole = {"name": "Demo Dollar", "version": "1", "chainId": 31337, "verifyingContract": DUSD.address}
    fields = {"owner": ME, "spender": STRANGER, "value": "5000000", "nonce": "0", "deadline": str(NOW + 60)}
    return document_of("Permit", {"Permit": shape}, {**whole, **dict(domain)}, {**fields, **message})


DETAILS = "address token,uint160 amount,uint48 expiration,uint48 nonce"


def permit2(primary, shape, inner, message, domain=()):
    whole = {"name": "Permit2", "chainId": 31337, "verifyingContract": PERMIT2}
    return document_of(primary, {primary: shape, **inner}, {**whole, **dict(domain)}, message)


def single(spender=STRANGER, domain=(), **details):
    fields = {"token": DUSD.address, "amount": "5000000", "expiration": str(NOW + 60), "nonce": "0", **details}
    message = {"details": fields, "spender": spender, "sigDeadline": str(NOW + 60)}
    shape = "PermitDetails details,address spender,uint256 sigDeadline"
    return permit2("PermitSingle", shape, {"PermitDetails": DETAILS}, message, domain)


def once(primary="PermitTransferFrom", witness="", permitted=None, **message):
    array = "[]" if "Batch" in primary else ""
    shape = f"TokenPermissions{array} permitted,address spender,uint256 nonce,uint256 deadline{witness}"
    inner = {"TokenPermissions": "address token,uint256 amount"}
    one = permitted or {"token": DUSD.address, "amount": "5000000"}
    fields = {"permitted": [one, one] if array else one, "spender": STRANGER, "nonce": "1", "deadline": str(NOW + 60)}
    if witness:
        inner["Order"] = "bytes32 hash"
        fields["witness"] = {"hash": "0x" + "11" * 32}
    return permit2(primary, shape, inner, {**fields, **message})


def authorization(primary="TransferWithAuthorization", **message):
    shape = "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce"
    fields = {"from": ME, "to": STRANGER, "value": "5000000", "validAfter": "0", "validBefore": str(NOW)}
    domain = {"name": "Demo Dollar", "version": "1", "chainId": 31337, "verifyingContract": DUSD.address}
    return document_of(primary, {primary: shape}, domain, {**fields, "nonce": "0x" + "22" * 32, **message})


def members(review):
    return [(f.about, f.value) for f in review.facts if f.label in (Label.DOMAIN, Label.MEMBER)]


def changed(path, value):
    document = copy.deepcopy(NOTE)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return document


def test_members_are_shown_in_the_order_of_their_types():
    review = of(NOTE)
    assert members(review) == [
        ("name", "Notes"),
        ("chainId", "31337"),
        ("to[0].name", "Bob"),
        ("to[0].wallet", OTHER),
        ("urgent", "true"),
        ("seal", "0xff00"),
        ("count", "-5"),
    ]
    assert (review.title, review.kind, review.refused) == (Title.TYPED_DATA, "sign_typed_data", None)


def test_the_types_are_part_of_what_is_shown():
    assert told(of(NOTE), Label.TYPE) == [
        "Note(Person[] to,bool urgent,bytes seal,int64 count)Person(string name,address wallet)"
    ]
    other = changed(("types", "Note"), [*NOTE["types"]["Note"][:3], {"name": "count", "type": "int128"}])
    assert seen(of(other)) != seen(of(NOTE))


def test_erc8213_digests_are_on_it():
    typed = parse_typed_data(json.dumps(NOTE))
    shown = {fact.label: fact.value for fact in of(NOTE).facts}
    assert shown[Label.EIP712_DIGEST] == "0x" + typed.digest.hex()
    assert shown[Label.DOMAIN_HASH] == "0x" + typed.domain_separator.hex()
    assert shown[Label.MESSAGE_HASH] == "0x" + typed.message_hash.hex()


def test_i21_what_is_not_signed_is_not_shown():
    more = changed(("message", "amount"), "1000000")
    more["domain"]["verifyingContract"] = OTHER
    assert of(more).facts == of(NOTE).facts


def test_i21_malformed_types_are_refused():
    for document in (
        changed(("types", "Person"), [{"name": "a", "type": "Person"}]),
        changed(("types", "Person"), [{"name": "a", "type": "uint"}]),
        changed(("message", "count"), 1.5),
        changed(("message", "count"), True),
        changed(("message", "to"), [{"name": "Bob"}]),
        changed(("message", "to"), [{"name": "Bob", "wallet": 1}]),
        json.dumps(NOTE).replace('"urgent": true', '"urgent": true, "urgent": false'),
        "not json",
    ):
        with pytest.raises(BytesNotUnderstood) as caught:
            of(document)
        assert caught.value.kind == "typed-data"


def test_the_ledgers_domain_is_refused_for_a_dapp():
    assert of(changed(("domain", "name"), "Tandem Ledger")).refused is Refusal.LEDGER_DOMAIN
    assert of(changed(("domain", "name"), "tandem  LEDGER ")).refused is Refusal.LEDGER_DOMAIN
    assert of(changed(("domain", "name"), "Tandem Ledgers")).refused is None


def test_hidden_characters_odd_addresses_and_length_are_warned_of():
    hidden = changed(("message", "to"), [{"name": "Bob\u202e", "wallet": OTHER}])
    assert of(hidden).cautions == (Caution.HIDDEN_CHARACTERS,)
    assert ("to[0].name", "Bob<U+202E>") in members(of(hidden))
    odd = changed(("message", "to"), [{"name": "Bob", "wallet": OTHER[:-1] + "c"}])
    assert of(odd).cautions == (Caution.ADDRESS_ODD,)
    many = changed(("message", "to"), [{"name": "Bob", "wallet": OTHER}] * 200)
    assert of(many).needs_word and Caution.TOO_LONG in of(many).cautions


def test_i12_a_permit_to_a_stranger():
    review = of(permit(), chain_id=31337, now=NOW)
    assert (review.title, review.kind) == (Title.PERMIT, "sign_typed_data")
    assert (told(review, Label.ALLOWED), told(review, Label.SPENDER)) == (["5 DUSD"], [STRANGER])
    assert told(review, Label.UNTIL) == ["has no end"]  # the deadline is for handing it in
    assert review.cautions == (Caution.ALLOWANCE_LASTING, Caution.SPENDER_STRANGER)
    assert of(permit(spender=OTHER), now=NOW).cautions == (Caution.ALLOWANCE_LASTING,)
    unlimited = of(permit(value=str(2**256 - 1)))
    assert told(unlimited, Label.ALLOWED) == ["unlimited"] and Caution.ALLOWANCE_UNLIMITED in unlimited.cautions
    assert of(permit(value="0")).title is Title.TYPED_DATA
    assert told(of(permit(owner=OTHER)), Label.OWNER) == [OTHER]


def test_dais_permit_is_unlimited():
    shape = "address holder,address spender,uint256 nonce,uint256 expiry,bool allowed"
    domain = {"name": "Dai", "version": "1", "chainId": 31337, "verifyingContract": DUSD.address}
    message = {"holder": ME, "spender": STRANGER, "nonce": "0", "expiry": "0", "allowed": True}
    document = document_of("Permit", {"Permit": shape}, domain, message)
    assert told(of(document), Label.ALLOWED) == ["unlimited"]
    document["message"]["allowed"] = False
    assert of(document).title is Title.TYPED_DATA


def test_a_piece_of_a_collection():
    shape = "address spender,uint256 tokenId,uint256 nonce,uint256 deadline"
    domain = {"name": "Pieces", "chainId": 31337, "verifyingContract": STRANGER}
    message = {"spender": STRANGER, "tokenId": "7", "nonce": "0", "deadline": "9"}
    review = of(document_of("Permit", {"Permit": shape}, domain, message))
    assert told(review, Label.ALLOWED) == ["#7"]
    assert Caution.TOKEN_UNLISTED in review.cautions


def test_permit2_in_its_shapes():
    review = of(single(), now=NOW)
    assert (told(review, Label.ALLOWED), told(review, Label.UNTIL)) == (["5 DUSD"], ["2023-11-14 22:14:20 UTC"])
    assert review.cautions == (Caution.SPENDER_STRANGER,)
    assert Caution.ALLOWANCE_LASTING in of(single(expiration=str(2**48 - 1)), now=NOW).cautions
    unlimited = of(single(amount=str(2**160 - 1)), now=NOW)
    assert told(unlimited, Label.ALLOWED) == ["unlimited"] and Caution.ALLOWANCE_UNLIMITED in unlimited.cautions
    for primary, count in (("PermitTransferFrom", 1), ("PermitBatchTransferFrom", 2)):
        for name, witness in ((primary, ""), (primary.replace("Transfer", "WitnessTransfer"), ",Order witness")):
            review = of(once(name, witness), now=NOW)
            assert told(review, Label.ALLOWED) == ["5 DUSD"] * count, name
            assert review.cautions == (Caution.SPENDER_STRANGER,)
    details = [single()["message"]["details"], single(token=DWETH.address)["message"]["details"]]
    message = {"details": details, "spender": STRANGER, "sigDeadline": "9"}
    shape = "PermitDetails[] details,address spender,uint256 sigDeadline"
    batch = of(permit2("PermitBatch", shape, {"PermitDetails": DETAILS}, message))
    assert told(batch, Label.TOKEN) == [DUSD.address, DWETH.address]
    assert [fact.about for fact in batch.facts if fact.label is Label.ALLOWED] == ["1", "2"]


def test_permit2_is_one_contract():
    assert Caution.PERMIT2_IMITATED in of(single(domain={"verifyingContract": STRANGER})).cautions
    assert Caution.PERMIT2_IMITATED not in of(single()).cautions


def test_types_that_only_resemble_are_not_recognised():
    for change in ("uint128", "int256"):
        document = permit()
        document["types"]["Permit"][2]["type"] = change
        assert of(document).title is Title.TYPED_DATA
    document = once("PermitWitnessTransferFrom", ",Order witness")
    document["types"]["TokenPermissions"] = declared("uint256 amount,address token")
    document["types"]["Order"] = declared("XTokenPermissions x")
    document["types"]["XTokenPermissions"] = declared("address token,uint256 amount")
    document["message"]["witness"] = {"x": {"token": DUSD.address, "amount": "1"}}
    assert of(document).title is Title.TYPED_DATA
    nobody = permit()
    nobody["types"]["EIP712Domain"] = declared("string name")
    assert of(nobody).title is Title.TYPED_DATA


def test_a_transfer_by_authorization():
    for primary in ("TransferWithAuthorization", "ReceiveWithAuthorization"):
        review = of(authorization(primary))
        assert (told(review, Label.MOVES), told(review, Label.RECEIVER)) == (["5 DUSD"], [STRANGER])
        assert review.cautions == (Caution.FIRST_PAYMENT,)
    poison = Address.from_bytes(bytes.fromhex(OTHER[2:6] + "11" * 16 + OTHER[-4:]))
    assert Caution.LOOKS_ALIKE in of(authorization(to=poison)).cautions


def test_the_domain_of_another_chain():
    assert Caution.DOMAIN_CHAIN in of(permit(), chain_id=1).cautions
    assert Caution.DOMAIN_CHAIN not in of(permit(), chain_id=31337).cautions
    nowhere = permit()
    del nowhere["types"]["EIP712Domain"][2]
    assert Caution.DOMAIN_WITHOUT_CHAIN in of(nowhere).cautions


def seen(review):
    """What a person could tell apart, the digests left out."""
    digests = (Label.EIP712_DIGEST, Label.DOMAIN_HASH, Label.MESSAGE_HASH)
    return [fact for fact in review.facts if fact.label not in digests], review.cautions, review.title


@pytest.mark.parametrize(
    ("good", "changed_"),
    [
        (permit(), permit(spender=OTHER)),
        (permit(), permit(value="5000001")),
        (permit(), permit(owner=OTHER)),
        (permit(), permit(nonce="1")),
        (permit(), permit(deadline=str(NOW + 61))),
        (permit(), permit(domain={"chainId": 1})),
        (permit(), permit(domain={"verifyingContract": DWETH.address})),
        (permit(), permit(domain={"name": "Demo Dollars"})),
        (permit(), permit(domain={"version": "2"})),
        (single(), single(spender=OTHER)),
        (single(), single(token=DWETH.address)),
        (single(), single(amount="5000001")),
        (single(), single(expiration=str(NOW + 120))),
        (single(), single(nonce="1")),
        (single(), single(domain={"verifyingContract": STRANGER})),
        (once(), once(permitted={"token": DWETH.address, "amount": "5000000"})),
        (once(), once(permitted={"token": DUSD.address, "amount": "5000001"})),
        (once(), once(deadline=str(NOW + 61))),
        (once(), once("PermitBatchTransferFrom")),
        (authorization(), authorization(to=OTHER)),
        (authorization(), authorization(value="1")),
        (authorization(), authorization(validBefore="1")),
        (authorization(), authorization(nonce="0x" + "23" * 32)),
        (authorization(), authorization("ReceiveWithAuthorization")),
    ],
)
def test_a_single_change_is_seen(good, changed_):
    assert seen(of(good)) != seen(of(changed_))


def test_every_declared_member_that_changes_is_seen():
    """Each leaf of a document, changed alone, gives another review."""
    good = parse_typed_data(json.dumps(NOTE))
    for path, value in (
        (("message", "urgent"), False),
        (("message", "seal"), "0xff01"),
        (("message", "count"), "5"),
        (("message", "to"), [{"name": "Bob", "wallet": ME}]),
        (("message", "to"), [{"name": "Bot", "wallet": OTHER}]),
        (("message", "to"), []),
        (("domain", "name"), "Note"),
        (("domain", "chainId"), 1),
    ):
        other = changed(path, value)
        assert parse_typed_data(json.dumps(other)).digest != good.digest
        assert seen(of(other)) != seen(of(NOTE)), path
