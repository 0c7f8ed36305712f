"""Backup files: what of the client's folder goes in, what comes out, and files that were changed on the way."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from wallet.errors import BackupDamaged, BackupForeign, StateUnusable
from wallet.signing import VAULT_NAME, Signer
from wallet.state_backup import PIECE_BYTES_MAX, is_state, read_backup, restore_state, state_of, write_backup

JUNK = "test test test test test test test test test test test junk"
PASSWORD = "correct horse battery"
SOURCE = {"phrase": JUNK, "language": "", "passphrase": ""}
VERSION_1 = Path(__file__).parents[1] / "vectors/backup_v1"
STATE = {
    "networks.json": '{"current": 1}',
    "watched.json": "{}",
    "ledgers/ab12/pins.json": '{"bob": "日本"}',
    "ledgers/ab12/orders/0f.json": '{"long": "' + "x" * 2 * PIECE_BYTES_MAX + '"}',
}


@pytest.fixture
async def home(tmp_path):
    home = tmp_path / "home"
    for name, text in {**STATE, "ledgers/ab12/session.json": '{"token": "s"}', "vault.old-1.json": "{}"}.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    async with Signer(home) as signer:
        await signer.restore(JUNK, PASSWORD, profile="light")
    return home


@pytest.fixture
async def backup(home, tmp_path):
    async with Signer(home) as signer:
        assert await write_backup(signer, PASSWORD, home, tmp_path / "backup") == len(STATE)
    return tmp_path / "backup"


async def read(home, path, **source):
    async with Signer(home) as signer:
        return await read_backup(signer, {**SOURCE, **source}, path)


async def test_what_goes_in_comes_out(home, backup, tmp_path):
    assert state_of(home) == STATE
    assert await read(tmp_path / "new", backup) == STATE
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert b"bob" not in backup.read_bytes() and b"networks" not in backup.read_bytes()


async def test_what_is_there_already_stays(home, backup, tmp_path):
    new = tmp_path / "new"
    (new / "ledgers/ab12").mkdir(parents=True)
    (new / "ledgers/ab12/pins.json").write_text("newer")
    restored = restore_state(new, await read(new, backup))
    assert (restored.written, restored.kept) == (3, 1)
    assert (new / "ledgers/ab12/pins.json").read_text() == "newer"
    assert (new / "ledgers/ab12/orders/0f.json").read_text() == STATE["ledgers/ab12/orders/0f.json"]
    assert stat.S_IMODE((new / "networks.json").stat().st_mode) == 0o600


async def test_a_file_is_never_written_over(home, backup):
    before = backup.read_bytes()
    async with Signer(home) as signer:
        with pytest.raises(StateUnusable):
            await write_backup(signer, PASSWORD, home, backup)
    assert backup.read_bytes() == before


@pytest.mark.parametrize("cut", [0, 1, 20, -1, -100, PIECE_BYTES_MAX])
async def test_a_file_that_was_cut_off_is_refused(home, backup, cut):
    backup.write_bytes(backup.read_bytes()[:cut])
    with pytest.raises(BackupDamaged):
        await read(home, backup)


async def test_any_changed_byte_is_seen(home, backup):
    whole = backup.read_bytes()
    for place in (5, 60, 200, len(whole) // 2, len(whole) - 1):
        backup.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((BackupDamaged, BackupForeign)):
            await read(home, backup)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\n", b"x" * 5000, b"{}\n\xff\xff\xff\xff"])
async def test_what_is_no_backup_is_said_so(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BackupDamaged):
        await read(tmp_path, tmp_path / "file")


async def test_what_cannot_be_read_is_said_so(tmp_path):
    with pytest.raises(StateUnusable):
        await read(tmp_path, tmp_path / "none")
    os.truncate(os.open(tmp_path / "huge", os.O_WRONLY | os.O_CREAT), 300 * 1024 * 1024)
    with pytest.raises(BackupDamaged):
        await read(tmp_path, tmp_path / "huge")


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("pins.json", True),
        ("ledgers/00/orders/ab.json", True),
        ("grants.json", True),
        ("vault.json", False),
        ("vault.old-1.json", False),
        ("ledgers/00/session.json", False),
        ("../pins.json", False),
        ("a/../../pins.json", False),
        ("/etc/pins.json", False),
        (".ssh/pins.json", False),
        ("control-token", False),
        ("a/b/c/d/e/f/g.json", False),
        ("a//b.json", False),
        ("a\\b.json", False),
    ],
)
def test_only_the_clients_own_documents_are_in_a_backup(name, fits):
    assert is_state(name) == fits


def test_links_are_left_out(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere.json").write_text('{"secret": 1}')
    (tmp_path / "home" / "link.json").symlink_to(tmp_path / "elsewhere.json")
    assert state_of(tmp_path / "home") == {}


async def test_a_file_of_version_1_opens_for_ever(tmp_path):
    shutil.copy(VERSION_1, tmp_path / "backup")
    async with Signer(tmp_path / "new") as signer:
        state = await read_backup(signer, SOURCE, tmp_path / "backup")
        status = await signer.restore_backup(PASSWORD, profile="light")
    assert state == {"contacts.json": '{"日常": 1}'}
    assert [(entry.name, entry.phrase) for entry in status.entries] == [("日常", 0), ("", 2), ("Old key", None)]
    assert json.loads((tmp_path / "new" / VAULT_NAME).read_text())["version"] == 3
