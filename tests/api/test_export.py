"""`tandem-server export`: what a real server wrote passes the auditor, and one changed byte does not."""

from __future__ import annotations

import io
import json
import stat

from fiat.audit import audit
from tests.api.conftest import Running
from tests.api.people import PAID_IBAN

NOWHERE = "http://127.0.0.1:9"


async def test_the_export_of_a_server_that_was_used_passes_the_auditor(tmp_path):
    server, file = Running(tmp_path / "state", NOWHERE), tmp_path / "journal.tandem"
    early = server.run("export", str(file), "--json")
    assert (early.returncode, json.loads(early.stdout)["error"], file.exists()) == (1, "schema_not_current", False)
    server.start()
    try:
        alice = await (await server.person().register()).sign_in()
        bob = await (await server.person().register()).sign_in()
        await alice.top_up(900)
        for body in (alice.transfer(bob.holder, 300), alice.withdrawal(PAID_IBAN, 200)):
            assert (await alice.order(body)).status == 201
        exported = server.run("export", str(file), "--json")
        assert exported.returncode == 0, exported.stderr
    finally:
        server.stop()
    assert json.loads(exported.stdout) == {"file": str(file), "bytes": file.stat().st_size}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    report = audit(io.BytesIO(file.read_bytes()))
    assert (report.failures, report.ledger_id) == ([], server.ledger_id)
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    assert not audit(io.BytesIO(bytes(damaged))).honest
