"""Controls: the keys, limits and counters in a holder's row; a contract's one key in the place of its root."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
