"""What every page offers: language, theme, hidden amounts, and the lock."""

from __future__ import annotations

from wallet.web.gate import own_path
from wallet.web.taste import keep_taste
from wallet.web.visit import Answer, Go, Visit, post


async def change_taste(visit: Visit) -> Answer:
    """One choice, kept; then the same page again."""
    taste = visit.taste.changed(visit.given("name"), visit.given("value"))
    keep_taste(visit.place.store, taste)
    return Go(own_path(visit.given("at", 2000)))


async def lock(visit: Visit) -> Answer:
    """The keys are forgotten, and with them every session."""
    await visit.place.signer.lock()
    return Go("/")


ROUTES = (post("/taste", change_taste), post("/lock", lock))
