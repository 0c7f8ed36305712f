"""On a terminal: the phrase and its three words, the confirmation, and leaving at every prompt."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import pexpect
import pytest

PASSWORD = "correct horse battery"
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def ends(child, status):
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == status, child.before


def give_password(child):
    child.expect("New password .*: ")
    child.sendline(PASSWORD)
    child.expect("The same again: ")
    child.sendline(PASSWORD)


def phrase_shown(child):
    child.expect("Press Enter when it is written down")
    rows = re.findall(r"│\s+(\d+)\s+│\s+([a-z]+)\s+│", ANSI.sub("", child.before))
    words = {int(number): word for number, word in rows}
    assert len(words) == 12, child.before
    child.sendline()
    return words


def answer_words(child, words):
    for _ in range(3):
        child.expect(r"Word (\d+): ")
        child.sendline(words[int(child.match.group(1))])


def vault(home: Path):
    return json.loads((home / "vault.json").read_bytes())


def test_init_shows_the_phrase_once_and_asks_three_words_back(typed, tmp_path):
    child = typed("init", "--light")
    give_password(child)
    answer_words(child, phrase_shown(child))
    child.expect("The phrase is backed up")
    ends(child, 0)
    assert vault(tmp_path / "home")["backed_up"] is True
    again = typed("init", "--light")
    again.expect("never overwritten")
    ends(again, 1)


def test_init_that_was_left_is_finished_by_the_next(typed, tmp_path):
    child = typed("init", "--light")
    give_password(child)
    words = phrase_shown(child)
    child.expect(r"Word \d+: ")
    child.sendintr()
    child.expect("made, but not backed up")
    ends(child, 3)
    assert vault(tmp_path / "home")["backed_up"] is False
    child = typed("init")
    child.expect("not backed up yet")
    child.expect("Password: ")
    child.sendline(PASSWORD)
    assert phrase_shown(child) == words
    child.expect(r"Word (\d+): ")
    wrong = int(child.match.group(1))
    child.sendline("zoo" if words[wrong] != "zoo" else "zone")
    for _ in range(2):
        child.expect(r"Word (\d+): ")
        child.sendline(words[int(child.match.group(1))])
    child.expect(f"Word {wrong} is not as in your phrase")
    answer_words(child, words)
    child.expect("The phrase is backed up")
    ends(child, 0)


@pytest.mark.parametrize("leave", ["sendintr", "sendeof"])
@pytest.mark.parametrize("prompt", ["New password", "The same again"])
def test_leaving_init_makes_nothing(typed, tmp_path, prompt, leave):
    child = typed("init", "--light")
    child.expect("New password .*: ")
    if prompt == "The same again":
        child.sendline(PASSWORD)
        child.expect("The same again: ")
    getattr(child, leave)()
    child.expect("Stopped by you")
    ends(child, 3)
    assert not (tmp_path / "home" / "vault.json").exists()


def test_the_chinese_client_gives_each_word_its_meaning(typed):
    child = typed("init", "--light", TANDEM_LANG="zh")
    child.expect("新密码")
    child.sendline(PASSWORD)
    child.expect("再输入一次")
    child.sendline(PASSWORD)
    child.expect("抄写完毕后按回车")
    meanings = re.findall(r"│\s+\d+\s+│\s+[a-z]+\s+│\s+(\S+)\s+│", ANSI.sub("", child.before))
    assert len(meanings) == 12 and all(re.search("[一-鿿]", meaning) for meaning in meanings)
    child.sendintr()
    ends(child, 3)


def test_restore_from_the_terminal_and_its_wrong_words(typed, tmp_path, tandem, password_file):
    junk = "test test test test test test test test test test test junk"
    child = typed("restore", "--light")
    child.expect("Recovery phrase .*: ")
    child.sendline(junk.replace("junk", "jnuk"))
    child.expect("Word 12, “jnuk”, is in no list of recovery words. Near: .*junk")
    ends(child, 1)
    child = typed("restore", "--light")
    child.expect("Recovery phrase .*: ")
    child.sendline(junk)
    give_password(child)
    child.expect("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
    ends(child, 0)
    assert junk not in (tmp_path / "home" / "vault.json").read_text()
    listed = tandem("accounts", "--json").json["accounts"]
    assert listed[0]["address"] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


@pytest.fixture
def alice_afresh(people, tmp_path):
    """alice as on a day when she has not paid anybody yet."""
    home = shutil.copytree(people[0].environ["TANDEM_HOME"], tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    for pins in home.rglob("pins.json"):
        pins.unlink()
    return {**people[0].environ, "TANDEM_HOME": str(home)}


def kept_orders(environ):
    return sorted(path.name for path in Path(environ["TANDEM_HOME"]).rglob("orders/*.json"))


@pytest.mark.parametrize("answer", ["n", "", "sendintr", "sendeof"])
def test_saying_no_to_a_review_sends_nothing(typed, people, alice_afresh, answer):
    bob = people[1]
    before = kept_orders(alice_afresh)
    child = typed("send", "1", "EUR", "@bob", "--memo", "lunch", **alice_afresh)
    child.expect("pay from your account")
    child.expect("compare the fingerprint")
    assert bob.fingerprint in child.before and "lunch" in child.before and "from the bytes" in child.before
    child.expect(r"Sign and send\? \[y/N\] ")
    if answer.startswith("send"):
        getattr(child, answer)()
    else:
        child.sendline(answer)
    child.expect("Stopped by you")
    ends(child, 3)
    assert kept_orders(alice_afresh) == before


def test_unlock_and_lock(typed, tandem, tmp_path, password_file):
    made = tandem("init", "--light", "--phrase-file", str(tmp_path / "phrase"), TANDEM_PASSWORD_FILE=password_file)
    assert made.status == 0 and (tmp_path / "phrase").stat().st_mode & 0o777 == 0o600
    child = typed("unlock")
    child.expect("Password: ")
    child.sendline("wrong password")
    child.expect("The vault did not open")
    ends(child, 1)
    child = typed("unlock")
    child.expect("Password: ")
    child.sendline(PASSWORD)
    child.expect("Unlocked for 15 idle minutes")
    ends(child, 0)
    assert len(tandem("accounts", "add", "--json").json["accounts"]) == 2  # no password was asked
    assert tandem("lock", "--json").json == {"unlocked": False, "was_unlocked": True}
    assert tandem("accounts", "add").status == 2  # asks again, and nobody is there
    wait_until_gone(str(tmp_path / "home"))


def wait_until_gone(home):
    """No process of the client is left, whoever called it in the moment of its end."""
    for _ in range(600):
        left = [
            p for p in Path("/proc").glob("[0-9]*/cmdline") if home in command_line(p) and "wallet." in command_line(p)
        ]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(left)


def command_line(path):
    try:
        return path.read_text()
    except OSError:
        return ""
