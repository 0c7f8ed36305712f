"""A PostgreSQL that a storm owns: its postmaster is our child, so that it can be ended at once, started again, and
started under strace.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from pgserver._commands import POSTGRES_BIN_PATH, pg_ctl

from tests.databases import start_postgresql

DATABASE = "storm"
SECONDS_MAX = 120


class Cluster:
    """One cluster below `folder`. `settings` are of postgresql.conf."""

    def __init__(self, folder: Path, **settings: str | int) -> None:
        server = start_postgresql(folder, cleanup_mode=None)
        self.folder, self.user, self.url = Path(folder), server.system_user, server.get_uri(DATABASE)
        self.sockets = server.get_postmaster_info().socket_dir
        server.psql(f"CREATE DATABASE {DATABASE};")
        for name, value in settings.items():
            server.psql(f"ALTER SYSTEM SET {name} = '{value}';")
        pg_ctl(["-w", "-m", "fast", "stop"], pgdata=self.folder, user=self.user)
        self.process: subprocess.Popen | None = None
        self.psql = server.psql

    def start(self, *prefix: str) -> None:
        """Start the postmaster, maybe under a program that runs it; returns when it takes connections."""
        postgres = [str(POSTGRES_BIN_PATH / "postgres"), "-D", str(self.folder), "-h", "", "-k", str(self.sockets)]
        with (self.folder / "storm.log").open("ab") as log:
            # It ends with the thread that starts it: a run that is killed leaves no server behind.
            command = ["setpriv", "--pdeathsig", "QUIT", *prefix, *postgres]
            self.process = subprocess.Popen(command, user=self.user, stdout=log, stderr=log, cwd=self.folder)
        self._wait_until_ready()

    def stop_at_once(self) -> None:
        """The immediate shutdown: nothing is written any more, as after a crash."""
        os.kill(self._postmaster(), signal.SIGQUIT)
        self.process.wait(SECONDS_MAX)
        self.process = None

    def _postmaster(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().split("\n")[0])

    def _wait_until_ready(self) -> None:
        probe = [str(POSTGRES_BIN_PATH / "pg_isready"), "-q", "-h", str(self.sockets)]
        deadline = time.monotonic() + SECONDS_MAX
        while subprocess.run(probe).returncode != 0:
            assert self.process.poll() is None, (self.folder / "storm.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the server does not come up"
            time.sleep(0.02)
