"""Connections: which sites and programs were given something, what they may do, when they last asked."""

from __future__ import annotations

import time
from typing import Any

from wallet.accounts import read_account
from wallet.grants import grant_key, program_document, rows
from wallet.pairing import SECONDS, TRIES
from wallet.policy import read_policy
from wallet.texts import _
from wallet.web.connections_view import connection, rule_told
from wallet.web.visit import Answer, Page, Visit, get, post


async def connections(visit: Visit) -> Answer:
    return Page("connections.html", await _shown(visit), _("Connections"))


async def revoke(visit: Visit) -> Answer:
    """Everything that it was given. What it asks from now on is asked anew. Raises InputMalformed."""
    host = visit.place.host
    book = host.book
    key = grant_key(visit.given("client", 400), book.grants, book.programs, book.extensions())
    host.revoke(key)
    await visit.place.hang_up(key)
    return Page("connections_list.html", {**await _shown(visit), "said": _("Taken back: {client}").format(client=key)})


async def take_rule(visit: Visit) -> Answer:
    """A rule goes; the signer wants the password for it. Raises VaultUnopened, InputMalformed."""
    number = visit.given("rule")
    await visit.place.signer.remove_rule(visit.password, number)
    return Page("connections_list.html", {**await _shown(visit), "said": _("The rule {id} is gone.").format(id=number)})


async def pair(visit: Visit) -> Answer:
    """An endpoint of its own for a local program. Raises InputMalformed."""
    name = visit.given("name")
    visit.place.host.book.pair(name, int(time.time()))
    document = program_document(name, visit.place.dapp_port)
    told = _("“{name}” may use {url} and {websocket}; it still has to ask you to connect.").format(**document)
    return Page("connections_list.html", {**await _shown(visit), "said": told})


async def pair_extension(visit: Visit) -> Answer:
    """Six digits for the extension."""
    code = visit.place.pairing.show()
    values = {"code": f"{code[:3]} {code[3:]}", "minutes": SECONDS // 60, "tries": TRIES}
    return Page("connections_code.html", values)


async def _shown(visit: Visit) -> dict[str, Any]:
    host = visit.place.host
    host.sweep()
    kept = (await visit.place.signer.policy())["policy"]
    rules = read_policy(kept).rules if kept is not None else ()
    accounts = [read_account(entry) for entry in visit.place.store.read("vault").get("accounts", [])]
    names = {str(account.address): account.name for account in accounts}
    found = [
        connection(
            row,
            names=names,
            rules=rules,
            network=host.chains.title,
            last=host.uses.last(str(row["client"])),
            is_here=host.is_here(str(row["client"])),
        )
        for row in rows(host.book, host.clients())
    ]
    return {"connections": found, "rules": [rule_told(rule) for rule in rules], "said": ""}


ROUTES = (
    get("/connections", connections),
    post("/connections/revoke", revoke),
    post("/connections/rule", take_rule),
    post("/connections/pair", pair),
    post("/connections/extension", pair_extension),
)
