"""How a notice is told: what was taken from the other side came to whoever reads it."""

from __future__ import annotations

import pytest

from wallet.cli.notices import _line
from wallet.heads import Reader

ROW = {"reason": "undoing", "what": "error", "amount": "8.00", "currency": "EUR", "at": "2026-11-27T12:00:00Z"}


@pytest.mark.parametrize(
    ("reason", "direction", "state", "told"),
    [
        ("undoing", "out", "taken", ["-8.00 EUR", "taken"]),
        ("undoing", "in", "taken", ["+8.00 EUR", "came to you"]),
        ("recovery", "in", "taken", ["+8.00 EUR", "came to you"]),
        ("hold", "in", "active", ["+8.00 EUR", "holds now"]),
        ("credit", "in", "credited", ["+8.00 EUR", "credited"]),
    ],
)
def test_what_came_is_not_called_taken(monkeypatch, reason, direction, state, told):
    monkeypatch.setenv("TANDEM_LANG", "en")
    row = Reader("server", "notices", ROW | {"reason": reason, "direction": direction, "state": state})
    assert _line(row)[3:5] == told
