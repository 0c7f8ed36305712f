"""Every text has its Chinese, the compiled catalogue is current, and names inside a text survive translation."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("catalogue", Path(__file__).with_name("catalogue.py"))
catalogue = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(catalogue)


def untranslated(root, package):
    translated = catalogue.translations(root, package)
    return sorted(text for text in catalogue.texts_of(root, package) if not translated.get(text, "").strip())


def stale(root, package):
    """Is the .mo another than the .po gives now, or does the .po hold texts that are gone?"""
    texts, translated = catalogue.texts_of(root, package), catalogue.translations(root, package)
    current = catalogue.compiled(catalogue.catalogue(texts, translated))
    compiled = catalogue.folder(root, package) / "tandem.mo"
    gone = [text for text in translated if text not in texts]
    return (["tandem.mo"] if not compiled.exists() or compiled.read_bytes() != current else []) + gone


def names_lost(translated):
    def names(text):
        return set(re.findall(r"\{\w+(?:!r)?\}", text))

    return [text for text, zh in translated.items() if zh and names(text) != names(zh)]


def latin_only(translated):
    """A translation without one Chinese character is a text that nobody translated, save for proper names."""
    return [t for t, zh in translated.items() if re.search(r"[a-z]{4} [a-z]{3}", zh) and not re.search("[一-鿿]", zh)]


def hidden_in_f_strings(tree):
    """Babel's extraction does not look inside f-strings: a text there would stay untranslated in silence."""
    found = []
    for module in tree.modules.values():
        for node in ast.walk(module.ast):
            if isinstance(node, ast.JoinedStr):
                found += [
                    module.at(inner, "a text inside an f-string")
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id in ("_", "N_")
                    if inner.args and isinstance(inner.args[0], ast.Constant)
                ]
    return found


@pytest.mark.parametrize("package", catalogue.PACKAGES)
def test_every_text_has_its_translation(tree, package):
    assert not untranslated(tree.root, package), "run `make texts` and fill in msgstr"


@pytest.mark.parametrize("package", catalogue.PACKAGES)
def test_the_compiled_catalogue_is_current(tree, package):
    assert not stale(tree.root, package), "run `make texts`"


@pytest.mark.parametrize("package", catalogue.PACKAGES)
def test_translations_keep_the_names_and_are_translations(tree, package):
    translated = catalogue.translations(tree.root, package)
    assert not names_lost(translated)
    assert not latin_only(translated)


def test_no_text_hides_from_the_extraction(tree, seeded):
    assert not hidden_in_f_strings(tree)
    assert hidden_in_f_strings(seeded({"wallet/a.py": "x = f'{_(\"hello\")}'"}))


def test_each_rule_is_seen_to_fail(tree, tmp_path):
    shutil.copytree(tree.root / "wallet" / "locale", tmp_path / "wallet" / "locale")
    (tmp_path / "wallet" / "new.py").write_text('from wallet.texts import _\nx = _("Nobody translated this.")\n')
    assert "Nobody translated this." in untranslated(tmp_path, "wallet")
    assert "tandem.mo" in stale(tmp_path, "wallet")
    assert names_lost({"{path} is gone": "没有了"}) == ["{path} is gone"]
    assert latin_only({"word for word": "word for word"}) == ["word for word"]
