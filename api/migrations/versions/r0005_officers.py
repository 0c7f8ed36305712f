"""Operator records, officers, the counters of every seal, reserves; what gateways said, and why a top-up waits."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
