"""A backup's pieces: only the phrase opens them, in order, all of them."""

from __future__ import annotations

import json

import pytest

from wallet.errors import BackupDamaged
from wallet.hd import BACKUP_PATH, ROOT_PATH, KeyTree
from wallet.mnemonic import readings
from wallet.sealed import Pieces, read_header

JUNK = "test test test test test test test test test test test junk"
TREE = KeyTree(readings(JUNK)[0].seed())
OTHER = KeyTree(readings(JUNK)[0].seed("x"))
PLAIN = [b"one", b"", b"three" * 1000]


@pytest.fixture
def sealed():
    pieces = Pieces.begin(TREE)
    return pieces.header, [pieces.seal(data, last=n == len(PLAIN) - 1) for n, data in enumerate(PLAIN)]


def opened(header, pieces, tree=TREE):
    reader = Pieces.read(header, tree)
    return [reader.open(piece, last=n == len(pieces) - 1) for n, piece in enumerate(pieces)]


def test_what_was_sealed_comes_back(sealed):
    assert opened(*sealed) == PLAIN
    assert read_header(sealed[0])[0] == TREE.root().address


def test_another_phrase_opens_nothing(sealed):
    with pytest.raises(BackupDamaged):
        opened(*sealed, tree=OTHER)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p[:-1],
        lambda p: p[1:],
        lambda p: [p[1], p[0], p[2]],
        lambda p: [p[0], p[0], p[1], p[2]],
        lambda p: [p[0], p[1][:-1] + bytes([p[1][-1] ^ 1]), p[2]],
        lambda p: [*p, p[2]],
    ],
)
def test_none_can_be_left_out_moved_added_or_changed(sealed, change):
    header, pieces = sealed
    with pytest.raises(BackupDamaged):
        opened(header, change(pieces))


def test_the_head_is_part_of_every_piece(sealed):
    header, pieces = sealed
    document = json.loads(header)
    with pytest.raises(BackupDamaged):
        opened(json.dumps({**document, "root": OTHER.root().address}), pieces)
    with pytest.raises(BackupDamaged):
        opened(header + " ", pieces)


@pytest.mark.parametrize(
    "header",
    ["", "x", "[]", "{}", '{"format": "tandem-backup", "version": 2, "root": "", "salt": ""}', "x" * 5000]
    + [
        json.dumps({"format": "tandem-backup", "version": 1, "root": root, "salt": salt})
        for root, salt in (("0x12", "00" * 32), ("0x" + "11" * 20, "00" * 31), ("0x" + "11" * 20, 7), (None, "zz"))
    ],
)
def test_what_is_no_backup_is_said_so(header):
    with pytest.raises(BackupDamaged):
        Pieces.read(header, TREE)


def test_every_file_has_a_key_of_its_own(sealed):
    again = Pieces.begin(TREE)
    assert again.header != sealed[0] and again.seal(PLAIN[0], last=False) != sealed[1][0]


def test_nothing_follows_the_last_piece():
    pieces = Pieces.begin(TREE)
    pieces.seal(b"x", last=True)
    with pytest.raises(ValueError, match="last one"):
        pieces.seal(b"y", last=True)


def test_the_path_is_hardened_all_the_way_and_not_the_roots():
    assert BACKUP_PATH == "m/44'/60'/7265'/1'" != ROOT_PATH  # for ever: it opens every backup
    assert "Pieces" in repr(Pieces.begin(TREE)) and "cipher" not in repr(Pieces.begin(TREE))
