"""The client's files: private, whole or old, one command at a time, by ledger."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from wallet import state
from wallet.errors import StateBusy, StateUnusable
from wallet.head_log import HEADS_MAX, keep_head, kept_heads
from wallet.heads import Kept
from wallet.state import Store


def test_what_was_put_is_read_and_a_missing_file_is_empty(tmp_path):
    store = Store(tmp_path / "home")
    assert store.read("pins") == {}
    store.change("pins", lambda pins: pins.update(bob=1))
    store.change("pins", lambda pins: pins.setdefault("bob", 2))
    assert store.read("pins") == {"bob": 1}


def test_files_and_folders_are_for_this_user_alone(tmp_path):
    store = Store(tmp_path / "home")
    store.ledger(bytes(32)).put("me", {"handle": "alice"})
    path = tmp_path / "home" / "ledgers" / ("00" * 32) / "me.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == path.parents[1].stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["me.json"]


def test_two_ledgers_know_nothing_of_each_other(tmp_path):
    store = Store(tmp_path)
    store.ledger(b"\1" * 32).put("me", {"handle": "alice"})
    assert store.ledger(b"\2" * 32).read("me") == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'"text"'])
def test_a_damaged_file_is_named_and_left_alone(tmp_path, content):
    (tmp_path / "pins.json").write_bytes(content)
    with pytest.raises(StateUnusable) as refused:
        Store(tmp_path).change("pins", lambda pins: pins.update(x=1))
    assert refused.value.path.endswith("pins.json")
    assert (tmp_path / "pins.json").read_bytes() == content


def test_nothing_is_written_where_nothing_changed(tmp_path):
    store = Store(tmp_path)
    store.put("pins", {"bob": 1})
    before = (tmp_path / "pins.json").stat().st_mtime_ns
    store.change("pins", lambda pins: pins.setdefault("bob", 2))
    assert (tmp_path / "pins.json").stat().st_mtime_ns == before


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "home").write_text("a file, not a folder")
    with pytest.raises(StateUnusable):
        Store(tmp_path / "home").put("pins", {})


def _add(home, count):
    for _ in range(count):
        Store(home).change("count", lambda d: d.update(n=d.get("n", 0) + 1))


def test_changes_of_many_processes_all_count(tmp_path):
    workers = [multiprocessing.get_context("fork").Process(target=_add, args=(tmp_path, 25)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Store(tmp_path).read("count") == {"n": 100}


HOLD = """
import sys, time
from pathlib import Path
from wallet.head_log import HEADS_MAX, keep_head, kept_heads
from wallet.heads import Kept
from wallet.state import Store
with Store(Path(sys.argv[1])).one_command():
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_commands_that_move_money_do_not_run_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "LOCK_SECONDS_MAX", 0)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateBusy), Store(tmp_path).one_command():
            pass
        Store(tmp_path).put("pins", {})  # reading and remembering go on meanwhile
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with Store(tmp_path).one_command():
        pass  # the lock ends with its process


WRITE = """
import sys
from pathlib import Path
from wallet.head_log import HEADS_MAX, keep_head, kept_heads
from wallet.heads import Kept
from wallet.state import Store
store, n = Store(Path(sys.argv[1])), 0
while True:
    n += 1
    store.put("head", {"n": n, "pad": "x" * 50_000})
    if n == 1:
        print("there is one to be lost", flush=True)
"""


def test_a_kill_in_the_middle_of_writing_leaves_a_whole_file(tmp_path):
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        writer.stdout.readline()
        time.sleep(0.05)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        assert len(json.loads((tmp_path / "head.json").read_bytes())["pad"]) == 50_000


def test_the_log_of_signed_heads_is_bounded_and_keeps_the_first_of_a_count(tmp_path):
    folder = Store(tmp_path).ledger(bytes(32))
    for count in range(1, HEADS_MAX + 3):
        keep_head(folder, Kept(count, bytes(32)), {"count": str(count)})
    keep_head(folder, Kept(count, bytes(32)), {"count": str(count), "other": True})
    kept = kept_heads(folder)
    assert [head["count"] for head in kept[:-1]] == [str(n) for n in range(3, HEADS_MAX + 3)]
    assert kept[-1] == {"count": str(count), "other": True}, "a second story of one count stands beside the first"
