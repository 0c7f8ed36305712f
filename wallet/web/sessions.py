"""Who may use the pages: one-time links, and the sessions that they open. In memory alone; they end with the client.

A session belongs to one life of the signer's process. When the keys are locked, by whatever way, the life is over: the
session sleeps, and all that its cookie is good for is to type the password, which begins a new session with new tokens.
A tab that stayed open holds an old token then, and can do nothing.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

LINK_SECONDS = 5 * 60
LINKS_MAX = 8
SESSIONS_MAX = 8
DRAFTS_MAX = 16


@dataclass(eq=False, slots=True)
class Session:
    """`cookie` and `csrf` are tokens; `life` is the signer's process that was unlocked, None while it sleeps.

    `drafts` are what was reviewed and not yet confirmed, by number: the last DRAFTS_MAX.
    """

    life: int | None
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    drafts: OrderedDict[str, object] = field(default_factory=OrderedDict)

    def keep(self, draft: object) -> str:
        """Its number."""
        number = secrets.token_urlsafe(16)
        self.drafts[number] = draft
        while len(self.drafts) > DRAFTS_MAX:
            self.drafts.popitem(last=False)
        return number


class Sessions:
    """Links by when they end, sessions by age."""

    def __init__(self) -> None:
        self._links: dict[str, float] = {}
        self._sessions: list[Session] = []

    def new_link(self, now: float) -> str:
        """A token that opens once, within LINK_SECONDS. `now` in seconds."""
        token = secrets.token_urlsafe(32)
        live = {link: ends for link, ends in self._links.items() if ends > now}
        self._links = dict([*live.items(), (token, now + LINK_SECONDS)][-LINKS_MAX:])
        return token

    def redeem(self, link: str, life: int | None, now: float) -> Session | None:
        """A session for a link that is good, which it then is no more."""
        found = next((one for one in self._links if _same(one, link)), None)
        if found is None or self._links.pop(found) <= now:
            return None
        return self.begin(life)

    def begin(self, life: int | None) -> Session:
        """A new session; the oldest goes where there are too many."""
        session = Session(life)
        self._sessions = [*self._sessions, session][-SESSIONS_MAX:]
        return session

    def find(self, cookies: Iterable[str], life: int | None) -> Session | None:
        """The session of one of these cookies, asleep where its life is over."""
        tokens = tuple(cookies)
        session = next((one for one in self._sessions if any(_same(one.cookie, token) for token in tokens)), None)
        if session is not None and session.life != life:
            self.sleep(session)
        return session

    def sleep(self, session: Session) -> None:
        """Nothing that it knew counts any more."""
        if session.life is not None:
            session.life = None
            session.csrf = secrets.token_urlsafe(32)
            session.drafts.clear()

    def wake(self, session: Session, life: int) -> Session:
        """A new session in the place of one that slept."""
        self._sessions = [one for one in self._sessions if one is not session]
        return self.begin(life)

    def sleep_all(self) -> None:
        for session in self._sessions:
            self.sleep(session)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode(errors="replace"))


def is_csrf(session: Session, given: tuple[str, ...]) -> bool:
    """Did the request bring this session's token, once?"""
    return len(given) == 1 and _same(session.csrf, given[0])
