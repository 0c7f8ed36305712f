"""Where to listen: an address of this machine alone. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wallet.errors import SettingRefused

_ADDRESS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def read(cls, name: str, text: str) -> Listen:
        """`127.0.0.1:1248`. Raises SettingRefused for an address that others could reach (I-3)."""
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found[2]) > 65535:
            raise SettingRefused(name, "127.0.0.1:PORT is expected")
        return cls(found[1].strip("[]"), int(found[2]))
