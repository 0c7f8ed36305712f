"""SLIP-39: the standard's vectors, sets of groups, and what people mistype."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from bip_utils import Base58Decoder
from shamir_mnemonic import Share, generate_mnemonics

from wallet.errors import PassphraseUnfit, PhraseError, ShareMalformed, SharesMissing, SharesUnfit, ShareWordUnknown
from wallet.hd import DerivationPath, derive
from wallet.mnemonic import Seed
from wallet.shares import combine, split

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/slip39.json").read_text())
SECRET = bytes(range(16))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector[0].split(".")[0] for vector in VECTORS])
def test_vectors_of_the_standard(vector):
    _title, shares, secret, extended = vector
    if not secret:
        with pytest.raises(PhraseError):
            combine(shares, "TREZOR")
        return
    found = combine(shares, "TREZOR")
    assert found.hex() == secret
    assert derive(Seed(found), DerivationPath("m")) == Base58Decoder.CheckDecode(extended)[-32:]


def test_the_vectors_have_both_kinds():
    assert len(VECTORS) == 45 and {bool(vector[2]) for vector in VECTORS} == {True, False}


@pytest.mark.parametrize("length", [16, 20, 24, 28, 32, 64])
def test_every_enough_is_enough_and_everything_less_is_not(length):
    secret = bytes(range(length))
    friends, family, bank = split(secret, 2, [(2, 3), (3, 4), (1, 1)], "")
    whole = [
        *([*pair, *bank] for pair in itertools.combinations(friends, 2)),
        *([*three, *bank] for three in itertools.combinations(family, 3)),
        [*friends[:2], *family[1:]],
        [*friends, *family, *bank],  # more than needed
    ]
    assert all(combine(shares, "") == secret for shares in whole)
    for shares in (bank, friends, [friends[0], *bank], [*friends[:1], *family[:2], *bank]):
        with pytest.raises(SharesMissing):
            combine(shares, "")


def test_what_is_missing_is_told():
    friends, _family, bank = split(SECRET, 2, [(2, 3), (3, 4), (1, 1)], "")
    with pytest.raises(SharesMissing) as caught:
        combine([friends[2], *bank], "")
    assert (caught.value.whole, caught.value.needed, caught.value.groups) == (1, 2, ["1/2", "1/1"])
    with pytest.raises(SharesMissing):
        combine([], "")


def test_the_same_share_twice_is_one():
    (group,) = split(SECRET, 1, [(2, 3)], "")
    with pytest.raises(SharesMissing):
        combine([group[0], group[0]], "")
    assert combine([group[0], group[0], group[2]], "") == SECRET


def test_another_passphrase_gives_another_secret_and_nothing_tells():
    (group,) = split(SECRET, 1, [(2, 2)], "open sesame")
    assert combine(group, "open sesame") == SECRET
    assert combine(group, "sesame") != SECRET and len(combine(group, "")) == 16


def test_what_is_typed_carelessly_is_read():
    (group,) = split(SECRET, 1, [(2, 2)], "")
    short = [" ".join(word[:4] for word in share.split()) for share in group]
    wide = [share.upper().replace(" ", "\u3000") for share in group]
    assert combine(short, "") == combine(wide, "") == SECRET


def test_a_mistyped_share_is_named():
    (group,) = split(SECRET, 1, [(2, 2)], "")
    words = group[1].split()
    with pytest.raises(ShareWordUnknown) as unknown:
        combine([group[0], " ".join([*words[:4], "bitcoin", *words[5:]])], "")
    assert (unknown.value.number, unknown.value.position, unknown.value.word) == (2, 5, "bitcoin")
    other = "academic" if words[7] != "academic" else "acid"
    for wrong in ([*words[:7], other, *words[8:]], words[:-1], words[:3], [*words, "acid"], []):
        with pytest.raises(ShareMalformed) as malformed:
            combine([group[0], " ".join(wrong)], "")
        assert malformed.value.number == 2
    with pytest.raises(ShareWordUnknown):
        combine(["a" * 100_000], "")


def test_shares_of_two_sets_do_not_mix():
    one, other = (split(SECRET, 1, [(2, 2)], "")[0] for _ in range(2))
    with pytest.raises(SharesUnfit) as caught:
        combine([one[0], other[1]], "")
    assert caught.value.reason == "they are not all of one set"


def test_a_forged_share_is_seen():
    """Right in form and of the same set, but its value is not the set's: the digest inside tells."""
    (group,) = split(SECRET, 1, [(2, 2)], "")
    share = Share.from_mnemonic(group[1])
    forged = Share(**{**share.__dict__, "value": bytes(len(share.value))}).mnemonic()
    with pytest.raises(SharesUnfit) as caught:
        combine([group[0], forged], "")
    assert caught.value.reason == "put together they do not fit"


def test_work_is_bounded():
    ((share,),) = generate_mnemonics(1, [(1, 1)], SECRET, iteration_exponent=0)
    heavy = Share(**{**Share.from_mnemonic(share).__dict__, "iteration_exponent": 15}).mnemonic()
    with pytest.raises(SharesUnfit) as caught:
        combine([heavy], "")
    assert caught.value.reason == "opening them would take longer than is given"
    with pytest.raises(SharesUnfit):
        combine([share] * 257, "")


@pytest.mark.parametrize(
    ("threshold", "groups", "reason"),
    [
        (0, [(2, 3)], "there are 1 to 16 groups, and as many of them needed at most"),
        (2, [(2, 3)], "there are 1 to 16 groups, and as many of them needed at most"),
        (1, [], "there are 1 to 16 groups, and as many of them needed at most"),
        (1, [(2, 3)] * 17, "there are 1 to 16 groups, and as many of them needed at most"),
        (1, [(0, 3)], "a group has 1 to 16 shares, and as many of them needed at most"),
        (1, [(4, 3)], "a group has 1 to 16 shares, and as many of them needed at most"),
        (1, [(2, 17)], "a group has 1 to 16 shares, and as many of them needed at most"),
        (1, [(1, 3)], "a share that is enough alone stands alone in its group"),
    ],
)
def test_sets_that_cannot_be_are_refused(threshold, groups, reason):
    with pytest.raises(SharesUnfit) as caught:
        split(SECRET, threshold, groups, "")
    assert caught.value.reason == reason


@pytest.mark.parametrize("passphrase", ["é", "日本", "a\n", "a\x7f"])
def test_passphrases_are_of_the_standards_characters(passphrase):
    with pytest.raises(PassphraseUnfit):
        split(SECRET, 1, [(2, 2)], passphrase)
