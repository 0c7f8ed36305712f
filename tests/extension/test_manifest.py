"""The extension as it lies in the tree: what both manifests promise, and every sentence in both languages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

EXTENSION = Path(__file__).parents[2] / "extension"
ID = "gjemjenmplkdkicfphcpichhhddhdflb"
OF_CHROMIUM = {"key", "minimum_chrome_version", "externally_connectable", "background"}
OF_FIREFOX = {"browser_specific_settings", "background"}
LANGUAGES = ("en", "zh_CN")
KEY_USED = re.compile(r"""(?<!#)words\('([a-z_]+)|data-text="([a-z_]+)|__MSG_([a-z_]+?)__""")
# `#words(...)` in link.js asks for the sentences of `problem`.
FAMILIES = {
    "client": ("welcome", "offline", "unpaired"),
    "problem": ("idle", "offline", "unpaired", "refused", "busy", "large"),
    "pairing": ("code", "no_code", "offline"),
}


@pytest.fixture(scope="module")
def manifest():
    return json.loads((EXTENSION / "manifest.json").read_text())


def messages(language):
    text = (EXTENSION / "_locales" / language / "messages.json").read_text()
    return {key: entry["message"] for key, entry in json.loads(text).items()}


def keys_used():
    """What manifest, popup and scripts ask for by name; the families are named by a state."""
    sources = [*EXTENSION.glob("*.js"), *EXTENSION.glob("*.html"), EXTENSION / "manifest.json"]
    named = {key for path in sources for found in KEY_USED.findall(path.read_text()) for key in found if key}
    return named | {f"{family}_{state}" for family, states in FAMILIES.items() for state in states}


def test_the_id_follows_from_the_key(manifest):
    digest = hashlib.sha256(base64.b64decode(manifest["key"])).hexdigest()[:32]
    assert "".join(chr(ord("a") + int(digit, 16)) for digit in digest) == ID


def test_it_can_speak_to_this_machine_alone_and_runs_only_its_own_scripts(manifest):
    policy = dict(part.split(" ", 1) for part in manifest["content_security_policy"]["extension_pages"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "ws://127.0.0.1:*"


def test_it_asks_for_no_more_than_it_needs(manifest):
    assert manifest["permissions"] == ["scripting", "storage"]
    assert manifest["externally_connectable"] == {"ids": []}
    assert "web_accessible_resources" not in manifest


def test_both_manifests_say_the_same(manifest):
    firefox = json.loads((EXTENSION / "manifest.firefox.json").read_text())
    assert {k: v for k, v in firefox.items() if k not in OF_FIREFOX} == {
        k: v for k, v in manifest.items() if k not in OF_CHROMIUM
    }
    assert firefox["background"]["scripts"] == [manifest["background"]["service_worker"]]


def test_every_file_that_is_named_is_there(manifest):
    scripts = [script for content in manifest["content_scripts"] for script in content["js"]]
    named = [*scripts, manifest["background"]["service_worker"], manifest["action"]["default_popup"]]
    named += [*manifest["icons"].values(), "appear.js"]
    assert [name for name in named if not (EXTENSION / name).is_file()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_exists_and_none_is_left_over(language):
    assert messages(language).keys() == keys_used()
    assert all(text.strip() for text in messages(language).values())


def test_the_languages_differ_and_fill_in_the_same():
    english, chinese = map(messages, LANGUAGES)
    same = {key for key in english if english[key] == chinese[key]}
    assert same == {"name"}
    placeholders = re.compile(r"\$\d")
    assert all(placeholders.findall(english[key]) == placeholders.findall(chinese[key]) for key in english)


def test_the_announced_icon_is_the_icon():
    inside = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", (EXTENSION / "provider.js").read_text())[1]
    assert base64.b64decode(inside) == (EXTENSION / "icons" / "96.png").read_bytes()
    assert base64.b64decode(inside)[16:24] == (96).to_bytes(4, "big") * 2  # PNG's width and height
