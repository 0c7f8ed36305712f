"""Every detail of what is refused (a bank's file, an officers' paper, a test chain) has words, none are over."""

from __future__ import annotations

import ast
import gettext
from pathlib import Path

import pytest

from api import detail_words
from api.cli import main
from api.detail_words import TEMPLATES, detail_in_words
from api.entry_words import REASONS
from fiat.record import Reason

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "fiat").glob("*.py"), *(ROOT / "api").rglob("*.py"), ROOT / "chain/strict_json.py"]
SOURCES += (ROOT / "chain").glob("devnet*.py")
ERRORS = ("BankFileMalformed", "OfficerDocumentMalformed", "JsonMalformed", "DevnetCannot")
ITS_OWN = {"file", "header", "line {number}", "row {number}", "row {number}, {column}"}
"""Places, which stand in the first argument of an error or are put together elsewhere."""


def raised():
    """The last argument of each of these errors where it is a text; gaps are X."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and node.args:
                reason = node.args[-1]
                if isinstance(reason, ast.Constant):
                    yield reason.value
                elif isinstance(reason, ast.JoinedStr):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in reason.values)


@pytest.fixture
def chinese(monkeypatch):
    translated = gettext.translation("tandem", ROOT / "api/locale", ["zh"]).gettext
    monkeypatch.setattr(detail_words, "_", translated)


def test_each_detail_has_words_and_each_word_a_detail(chinese):
    found = set(raised())
    assert len(found) > 25
    assert [each for each in found if detail_in_words(each) == each] == []
    used = {template for template in TEMPLATES for each in found if detail_words._pattern(template).fullmatch(each)}
    assert used | ITS_OWN == set(TEMPLATES)


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("row 3, amount", "表格第 3 行，amount 列"),
        ("row 3", "表格第 3 行"),
        ("“x” is no amount in EUR", "“x” 不是 EUR 金额"),
        ("is in USD, not in EUR", "币种是 USD，不是 EUR"),
        ("what a parser says", "what a parser says"),
    ],
)
def test_what_was_found_goes_into_the_translation(chinese, detail, told):
    assert detail_in_words(detail) == told


def test_reasons_of_entries_have_words():
    assert set(REASONS) == {reason.name.lower() for reason in Reason}


@pytest.mark.parametrize(("body", "told"), [(b"{", "不是 JSON"), (b'{"kind": "x"}', "文件类型不同")])
def test_a_paper_is_refused_in_chinese(chinese, monkeypatch, capsys, tmp_path, body, told):
    file = tmp_path / "paper.json"
    file.write_bytes(body)
    monkeypatch.setattr("sys.argv", ["tandem-server", "officer", "sign", str(file), "--key", str(file), "--yes"])
    with pytest.raises(SystemExit):
        main()
    assert told in capsys.readouterr().err
