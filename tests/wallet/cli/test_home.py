"""The folder that the wallet lives in, and the file that its phrase goes to."""

from __future__ import annotations

import pytest


def made(tandem, password_file, path):
    return tandem("init", "--light", "--phrase-file", str(path), "--json", TANDEM_PASSWORD_FILE=password_file)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_not_used(tandem, tmp_path, mode):
    """Whoever writes pins and token lists decides where the money goes."""
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)
    for command in (["networks"], ["accounts"], ["balance"], ["send", "1", "EUR", "@bobby", "--yes"]):
        said = tandem(*command, "--json")
        assert (said.status, said.json["slug"]) == (1, "state-unusable"), said.out + said.err
    home.chmod(0o755)
    assert tandem("networks", "--json").status == 0, "the control"


def test_without_a_place_for_the_phrase_there_is_no_wallet(tandem, tmp_path, password_file):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "no" / "such" / "folder", tmp_path / "link"):
        said = made(tandem, password_file, path)
        assert (said.status, said.json["slug"]) == (1, "state-unusable"), said.out + said.err
        assert not (tmp_path / "home" / "vault.json").exists()
    assert not (tmp_path / "elsewhere").exists()
    done = made(tandem, password_file, tmp_path / "phrase")
    assert done.status == 0, done.out + done.err
    assert (tmp_path / "phrase").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "phrase").read_text().split()) == 12


def test_a_wallet_that_could_not_be_made_leaves_no_empty_phrase_file(tandem, tmp_path):
    short = tmp_path / "short"
    short.write_text("short\n")
    said = tandem("init", "--light", "--phrase-file", str(tmp_path / "phrase"), "--json", TANDEM_PASSWORD_FILE=short)
    assert said.status != 0 and not (tmp_path / "phrase").exists()


def test_a_recovery_choice_that_was_not_taken_up_binds_nobody(tandem, tmp_path, password_file, place, people):
    """Neither one that was declined in the review nor one that the server refused; one that was taken up does."""
    assert made(tandem, password_file, tmp_path / "phrase").status == 0
    settings = {"TANDEM_SERVER": place.server, "TANDEM_PASSWORD_FILE": password_file}
    assert tandem("register", "rhoda", "--recoverable", **settings).status == 2, "nobody there to say yes"
    taken = tandem("register", people[0].name, "--recoverable", "--yes", "--json", **settings)
    assert (taken.status, taken.json["slug"]) == (1, "handle_taken"), taken.out + taken.err
    shown = tandem("register", "rhoda", **settings)
    assert "never: without the phrase" in shown.err and "recoverable:" not in shown.err
    done = tandem("register", "rhoda", "--recoverable", "--yes", "--json", **settings)
    assert (done.status, done.json["recovery"]) == (0, "recoverable"), done.out + done.err
    again = tandem("register", "rhoda", "--yes", "--json", **settings)
    assert again.json["recovery"] == "recoverable" and again.json["holder"] == done.json["holder"], again.out
