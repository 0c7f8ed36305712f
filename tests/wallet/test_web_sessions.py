"""Links open once and for a while; a session ends with the life of the keys it was opened under."""

from __future__ import annotations

from wallet.web.sessions import DRAFTS_MAX, LINK_SECONDS, LINKS_MAX, SESSIONS_MAX, Session, Sessions, is_csrf


def test_a_link_opens_once():
    sessions = Sessions()
    link = sessions.new_link(0)
    session = sessions.redeem(link, 7, 1)
    assert session is not None and sessions.find([session.cookie], 7) is session
    assert sessions.redeem(link, 7, 1) is None


def test_a_link_expires():
    sessions = Sessions()
    assert sessions.redeem(sessions.new_link(0), 7, LINK_SECONDS - 1) is not None
    assert sessions.redeem(sessions.new_link(0), 7, LINK_SECONDS) is None


def test_another_link_opens_nothing():
    sessions = Sessions()
    link = sessions.new_link(0)
    for wrong in ("", link[:-1], link + "x", "ü"):
        assert sessions.redeem(wrong, 7, 1) is None
    assert sessions.redeem(link, 7, 1) is not None


def test_links_and_sessions_are_few():
    sessions = Sessions()
    links = [sessions.new_link(0) for _ in range(LINKS_MAX + 1)]
    assert sessions.redeem(links[0], 7, 1) is None
    first = sessions.begin(7)
    for _ in range(SESSIONS_MAX):
        sessions.begin(7)
    assert sessions.find([first.cookie], 7) is None


def test_a_session_sleeps_when_the_keys_were_locked_even_if_they_are_unlocked_again():
    for now in (None, 8):
        sessions = Sessions()
        session = sessions.begin(7)
        token, draft = session.csrf, session.keep("a plan")
        assert sessions.find([session.cookie], now) is session
        assert session.life is None and draft not in session.drafts and not is_csrf(session, (token,))
        woken = sessions.wake(session, 9)
        assert sessions.find([session.cookie], 9) is None, "the cookie from before opens nothing"
        assert sessions.find(["other", woken.cookie], 9) is woken and woken.life == 9


def test_locking_puts_every_session_to_sleep():
    sessions = Sessions()
    several = [sessions.begin(7) for _ in range(3)]
    sessions.sleep_all()
    assert [session.life for session in several] == [None] * 3


def test_the_token_has_to_come_once_and_whole():
    session = Session(7)
    assert is_csrf(session, (session.csrf,))
    for given in ((), ("",), (session.csrf[:-1],), (session.csrf, session.csrf), (Session(7).csrf,)):
        assert not is_csrf(session, given)


def test_drafts_are_few_and_secrets_are_not_shown():
    session = Session(7)
    numbers = [session.keep(n) for n in range(DRAFTS_MAX + 1)]
    assert numbers[0] not in session.drafts and numbers[-1] in session.drafts
    assert session.cookie not in repr(session) and session.csrf not in repr(session)
