"""What Connections shows of each client: who it is, what it may do, when it last asked. Pure but for words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wallet.cli.policy_words import KINDS, VERDICTS
from wallet.cli.rule_words import about, client_text
from wallet.grants import PROCESS_PREFIX, PROGRAM_PREFIX
from wallet.policy import ANYBODY, Rule
from wallet.texts import _
from wallet.web.amounts import minute


def connection(
    row: Mapping[str, Any],
    *,
    names: Mapping[str, str],
    rules: Sequence[Rule],
    network: Callable[[int], str],
    last: int | None,
    is_here: bool,
) -> dict[str, Any]:
    """One of wallet.grants.rows. `names` of accounts by address, `last` in Unix seconds."""
    key = str(row["client"])
    granted = row.get("granted_at")
    return {
        "key": key,
        "kind": _kind(row, key),
        "name": _name(row, key),
        "executable": str(row["process"]["executable"]) if "process" in row else "",
        "accounts": [{"address": one, "name": names.get(str(one), "")} for one in row["accounts"]],
        "network": network(int(row["chain_id"])) if "chain_id" in row else "",
        "since": minute(int(granted)) if granted else "",
        "last": minute(last) if last is not None else "",
        "is_here": is_here,
        "rules": [_kinds(one) for one in rules if _is_for(one, key)],
    }


def rule_told(rule: Rule) -> dict[str, Any]:
    """A rule of the person's policy, in full."""
    rows = [{"name": name, "value": value} for name, value in about(rule)]
    return {"id": rule.id, "verdict": _(VERDICTS[rule.verdict]), "who": client_text(rule.client), "rows": rows}


def _kinds(rule: Rule) -> str:
    return ", ".join(_(KINDS[kind]) for kind in rule.kinds) or _("everything")


def _is_for(rule: Rule, key: str) -> bool:
    return rule.verdict == "allow" and rule.client in (key, ANYBODY)


def _kind(row: Mapping[str, Any], key: str) -> str:
    if row.get("extension"):
        return _("Browser extension")
    if key.startswith(PROCESS_PREFIX):
        return _("Program without a name, until it ends")
    return _("Program") if key.startswith(PROGRAM_PREFIX) else _("Site")


def _name(row: Mapping[str, Any], key: str) -> str:
    if "process" in row:
        return f"{row['process']['name']} ({row['process']['pid']})"
    return key.removeprefix(PROGRAM_PREFIX)
