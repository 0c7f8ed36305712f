"""Send: one form for both kinds of money; the asset decides the rail. Plan, review, yes, signature, and what came.

What was reviewed stays in the session under a number; the yes names that number and the digest that was shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chain.errors import ChainError
from chain.fees import Speed
from wallet.cli.contacts import remember
from wallet.cli.links import asked_by, check_memo, request_of
from wallet.cli.own import contacts_kept, payee_of
from wallet.cli.problems import problem_of
from wallet.cli.review_words import SIGN_WORD
from wallet.cli.running import Run
from wallet.cli.send import token_amount
from wallet.cli.show import words_of
from wallet.errors import DigestDiffers, InputMalformed, PasswordNeeded, ServerError, VaultUnopened, WalletError
from wallet.payee import Payee
from wallet.payment_link import check_request
from wallet.review import Label, Review
from wallet.texts import N_, _
from wallet.tokens import Gas, TokenPlan, TokenRail
from wallet.wallet import OrderPlan, Wallet
from wallet.web.review_view import told, value_of
from wallet.web.views import portfolio
from wallet.web.visit import Answer, Go, Page, Visit, get, post

TO_LENGTH_MAX = 2000
SPEEDS = {"normal": N_("normal"), "slow": N_("slow, cheaper"), "fast": N_("fast, dearer")}
SUMMARY = (
    (Label.AMOUNT, N_("You send")),
    (Label.NET, N_("Arrives")),
    (Label.FEE_MAX, N_("Fee, at most")),
    (Label.TOTAL, N_("Leaves you, at most")),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What was reviewed and waits for the yes. `to` as it was typed."""

    plan: OrderPlan | TokenPlan
    payee: Payee
    to: str
    guarded: bool

    @property
    def review(self) -> Review:
        return self.plan.review


@dataclass(frozen=True, slots=True)
class Done:
    """What was sent. A token's has `transaction`, and `plan` to hold against what came of it; an order's has `seal`."""

    amount: str
    to: str
    nonce: str = ""
    seal: str = ""
    transaction: str = ""
    plan: TokenPlan | None = None


async def form(visit: Visit) -> Answer:
    """Filled in as a link or a contact says it."""
    run = Run(visit.place.config, True)
    assets, away = await _assets(visit)
    values: dict[str, Any] = {
        "to": visit.asked("to", TO_LENGTH_MAX),
        "amount": visit.asked("amount", 100),
        "chosen": visit.asked("asset", 20),
        "memo": visit.asked("memo"),
        "assets_to_send": assets,
        "away": away,
        "speeds": SPEEDS,
        "contacts": [{"name": one.name, "to": one.to} for one in contacts_kept(run)],
        "recent": list(visit.place.store.read("recent"))[:5],
    }
    return Page("send.html", values, _("Send"))


async def _assets(visit: Visit) -> tuple[list[dict[str, str]], str]:
    """What can be sent, with what there is of it; tokens also where the server is away, which is then said."""
    async with visit.wallet() as wallet:
        listed = [token.symbol for token in wallet.purse.listed()]
        chain = _("on {chain}").format(chain=wallet.purse.network.name)
        held: dict[str, str] = {}
        try:
            view = await portfolio(wallet, visit.taste.currency)
            held = {str(row["asset"]): str(row["available"]) for row in view.positions if row["claimed"] is None}
            codes, away = sorted((await wallet.client.ledger()).exponents), ""
        except ServerError as error:
            codes, away = [], problem_of(error).sentence
    money = [{"code": code, "where": _("money at the server"), "held": held.get(code, "")} for code in codes]
    tokens = [{"code": code, "where": chain, "held": held.get(code, "")} for code in listed]
    rows = money + tokens
    return sorted(rows, key=lambda row: not row["held"]), away


async def payee(visit: Visit) -> Answer:
    """Who that is, as soon as it was typed, pasted or scanned; a link fills in what it asks for."""
    text = visit.given("to", TO_LENGTH_MAX)
    if not text:
        return Page("send_payee.html", {"said": "", "is_bad": False, "asked": None})
    try:
        run = Run(visit.place.config, True)
        found = payee_of(run, text)
        asked = _asked_by(run, found)
        async with visit.wallet() as wallet:
            said = await _described(wallet, found)
    except (WalletError, ChainError) as error:
        return Page("send_payee.html", {"said": problem_of(error).sentence, "is_bad": True, "asked": None})
    return Page("send_payee.html", {"said": said, "is_bad": False, "asked": asked})


async def _described(wallet: Wallet, found: Payee) -> str:
    if found.address is not None:
        name = f"{found.name}: " if found.name else ""
        told_chain = _("{name}an address on {chain}: {address}")
        chain = wallet.purse.network.name
        return told_chain.format(name=name, chain=chain, address=str(found.address))
    card = await wallet.resolve(found)
    known = (
        _("You know them.") if wallet.is_known(card, found) else _("The first time from here: compare it with them.")
    )
    who = _("@{handle}, fingerprint {fingerprint}.").format(handle=card.handle, fingerprint=card.fingerprint)
    return f"{who} {known}"


def _asked_by(run: Run, found: Payee) -> dict[str, str] | None:
    """What a link asks for; None where it leaves that to who pays. Raises InputMalformed, LinkElsewhere."""
    if not found.link:
        return None
    request = request_of(run, found)
    if request is not None and not request.amount:
        return {"asset": "", "amount": "", "memo": request.memo}
    try:
        amount, asset = asked_by(run, found.link)
    except InputMalformed as open_one:
        if open_one.field != "amount":
            raise
        return None
    return {"asset": asset, "amount": amount, "memo": request.memo if request is not None else ""}


async def review(visit: Visit) -> Answer:
    """What would be signed. Nothing is changed by it."""
    to, amount, asset = visit.given("to", TO_LENGTH_MAX), visit.given("amount", 100), visit.given("asset", 20)
    memo = visit.given("memo")
    if not to:
        raise InputMalformed("payee", "", "@handle or an address is expected")
    run = Run(visit.place.config, True)
    found = payee_of(run, to)
    check_memo(memo)
    async with visit.wallet() as wallet:
        plan = await _planned(run, wallet, found, amount, asset, memo, visit.given("speed") or "normal")
        guarded = (await wallet.keys()).guarded
    draft = Draft(plan, found, to, guarded)
    return _review_page(draft, visit.session.keep(draft))


async def _planned(
    run: Run, wallet: Wallet, found: Payee, amount: str, asset: str, memo: str, speed: str
) -> OrderPlan | TokenPlan:
    token = wallet.purse.token(asset)
    if token is not None:
        if memo:
            raise InputMalformed("memo", memo[:40], _("a chain carries none"))
        if speed not in SPEEDS:
            raise InputMalformed("speed", speed[:20], "there is no such choice")
        return await TokenRail(wallet).plan(token_amount(run, amount, token, found), found, None, Gas(Speed(speed)))
    money = await wallet.money(amount, asset.upper())
    if found.address is not None:
        raise InputMalformed("payee", found.address, _("{asset} is sent to a @handle").format(asset=money.currency))
    if (request := request_of(run, found)) is not None:
        memo = memo or request.memo
        check_request(request, money.decimal, money.currency.code, memo)
    return await wallet.plan_transfer(money, found, memo)


def _review_page(draft: Draft, number: str, *, wants_password: bool = False, problem: str = "") -> Page:
    shown = draft.review
    is_token = isinstance(draft.plan, TokenPlan)
    summary = [(_(name), value) for label, name in SUMMARY if (value := value_of(shown, label))]
    arrival = _("in one of the next blocks, in about a minute at most") if is_token else _("at once")
    values = {
        "draft": number,
        "told": told(shown),
        "summary": [*summary, (_("When"), arrival)],
        "to": draft.to,
        "wants_password": wants_password,
        "problem_text": problem,
    }
    return Page("send_review.html", values)


async def confirm(visit: Visit) -> Answer:
    """The yes: signed and sent, once. What was sent already, or is too old, is said so."""
    number = visit.given("draft")
    draft = visit.session.drafts.get(number)
    if not isinstance(draft, Draft):
        raise InputMalformed("draft", number[:8], "it was sent already, or is too old: begin again")
    shown = draft.review
    if visit.given("digest") != "0x" + shown.digest.hex():
        raise DigestDiffers(visit.given("digest")[:66], "0x" + shown.digest.hex())
    if shown.needs_word and visit.given("word") != SIGN_WORD:
        return _review_page(draft, number, problem=_("Type “{word}” to go on: ").format(word=SIGN_WORD))
    del visit.session.drafts[number]  # whatever comes of it, a second click finds nothing
    try:
        done = await _sent(visit, draft)
    except (PasswordNeeded, VaultUnopened) as error:
        visit.session.drafts[number] = draft
        return _review_page(draft, number, wants_password=True, problem=problem_of(error).sentence)
    remember(Run(visit.place.config, True), draft.payee)
    return Go(f"/send/sent?number={visit.session.keep(done)}")


async def _sent(visit: Visit, draft: Draft) -> Done:
    amount = value_of(draft.review, Label.AMOUNT)
    async with visit.wallet() as wallet, visit.turn():
        if isinstance(draft.plan, TokenPlan):
            transaction = await TokenRail(wallet).submit(draft.plan)
            return Done(amount, draft.to, transaction=transaction, plan=draft.plan)
        answer = await wallet.send_order(draft.plan)
    seal = str(int(answer["receipt"]["seal"]["number"]))
    return Done(amount, draft.to, nonce=str(answer["nonce"]), seal=seal)


async def sent(visit: Visit) -> Answer:
    """What became of it; a reload shows the same."""
    done = _done(visit)
    return Page("send_sent.html", {"done": done, "number": visit.asked("number")}, _("Sent"))


async def block(visit: Visit) -> Answer:
    """Waits for a block, for a while, and holds what came of it against what was reviewed."""
    done = _done(visit)
    assert done.plan is not None
    async with visit.wallet() as wallet:
        outcome = await TokenRail(wallet).settle(done.plan, done.transaction)
    receipt = outcome.receipt
    values = {
        "done": done,
        "number": visit.asked("number"),
        "block": None if receipt is None else receipt.block_number,
        "failed": receipt is not None and not receipt.succeeded,
        "drift": [words_of(fact, visit.place.config.server_host)[:2] for fact in outcome.drift],
        "arrived": outcome.arrived.format() if outcome.arrived is not None else "",
    }
    return Page("send_block.html", values)


def _done(visit: Visit) -> Done:
    found = visit.session.drafts.get(visit.asked("number"))
    if not isinstance(found, Done):
        raise InputMalformed("draft", visit.asked("number")[:8], "this page is over: Activity shows what was sent")
    return found


ROUTES = (
    get("/send", form),
    post("/send/payee", payee),
    post("/send/review", review),
    post("/send/confirm", confirm),
    get("/send/sent", sent),
    get("/send/block", block),
)
