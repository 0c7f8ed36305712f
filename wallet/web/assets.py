"""What pages load: the bundle that `make setup` makes of static/ and npm's libraries, read once, named by its hash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DIST = Path(__file__).with_name("static") / "dist"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Assets:
    """`urls` by the name in the sources (`app.js`), `files` by the name with its hash. Empty where none was built."""

    urls: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path = DIST) -> Assets:
        try:
            named: dict[str, str] = json.loads((folder / "manifest.json").read_bytes())
            files = {name: (_TYPES[Path(name).suffix], (folder / name).read_bytes()) for name in named.values()}
        except (OSError, ValueError, KeyError):
            return cls()
        return cls({source: f"/static/{name}" for source, name in named.items()}, files)

    @property
    def is_built(self) -> bool:
        return bool(self.files)
