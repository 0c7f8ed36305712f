"""The screens there are, in the order of the navigation, and the frame around each page."""

from __future__ import annotations

from typing import Any

from wallet.errors import WalletError
from wallet.texts import N_, _
from wallet.web import (
    activity,
    allowances,
    approvals,
    cash,
    confirming,
    connections,
    controls,
    frame_actions,
    home,
    receive,
    security,
    send,
)
from wallet.web.visit import Route, Screen, Visit

NAVIGATION = (
    Screen("/", N_("Home"), "home"),
    Screen("/send", N_("Send"), "send"),
    Screen("/receive", N_("Receive"), "receive"),
    Screen("/activity", N_("Activity"), "activity"),
    Screen("/approvals", N_("Approvals"), "approvals"),
    Screen("/move", N_("Move money"), "convert"),
    Screen("/connections", N_("Connections"), "connections"),
    Screen("/allowances", N_("Allowances"), "allowances"),
    Screen("/security", N_("Security"), "security"),
)
"""The first four stand in the bar of a narrow screen, the others behind More."""
ROUTES: tuple[Route, ...] = (
    *frame_actions.ROUTES,
    *home.ROUTES,
    *send.ROUTES,
    *receive.ROUTES,
    *activity.ROUTES,
    *approvals.ROUTES,
    *confirming.ROUTES,
    *cash.ROUTES,
    *connections.ROUTES,
    *allowances.ROUTES,
    *security.ROUTES,
    *controls.ROUTES,
)


def frame(visit: Visit) -> dict[str, Any]:
    """What base.html needs beside a page's own values."""
    return {
        "visit": visit,
        "taste": visit.taste,
        "csrf": visit.session.csrf,
        "who": who(visit),
        "waiting": waiting(visit),
        "paths": [screen.path for screen in NAVIGATION],
        "navigation": [
            {
                "path": screen.path,
                "name": _(screen.name),
                "icon": screen.icon,
                "here": _is_here(screen.path, visit.path),
            }
            for screen in NAVIGATION
        ],
    }


def who(visit: Visit) -> dict[str, str]:
    """Handle and first chain account, as far as this machine knows; empty where it does not."""
    store = visit.place.store
    try:
        ledger = store.ledger_of(visit.place.config.server)
        me = store.ledger(ledger).read("me") if ledger else {}
        accounts = store.read("vault").get("accounts", [])
    except WalletError:
        return {"handle": "", "address": ""}
    return {"handle": str(me.get("handle", "")), "address": str(accounts[0]["address"]) if accounts else ""}


def waiting(visit: Visit) -> int:
    """Approvals that wait."""
    desk = visit.place.desk
    return (1 if desk.shown() is not None else 0) + len(desk.behind())


def _is_here(path: str, at: str) -> bool:
    return at == path or (path != "/" and at.startswith(path + "/"))
