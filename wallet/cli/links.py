"""Links instead of typed arguments: what a payment link asks for, and whether what was typed is that."""

from __future__ import annotations

from chain.token import TokenAmount
from wallet.cli.running import Run
from wallet.errors import InputMalformed
from wallet.networks import current_network
from wallet.payee import Payee
from wallet.payment_link import MEMO_BYTES_MAX, PaymentLink, check_request, is_payment_link, read_payment_link
from wallet.payment_uri import check_agrees, is_payment_uri, read_payment_uri
from wallet.purse import Purse
from wallet.texts import _

_OPEN = "it leaves the amount to you: AMOUNT ASSET LINK"


def is_link(text: str) -> bool:
    return is_payment_link(text) or is_payment_uri(text)


def asked_by(run: Run, text: str) -> tuple[str, str]:
    """Amount and asset that a link asks for, as they are typed. Raises InputMalformed, LinkElsewhere."""
    if is_payment_link(text):
        link = read_payment_link(text, run.config.server)
        if not link.amount:
            raise InputMalformed("amount", text[:80], _OPEN)
        return link.amount, link.currency
    uri = read_payment_uri(text)
    purse = Purse(current_network(run.config, run.store), run.store)
    if uri.chain_id not in (None, purse.network.chain_id):
        raise InputMalformed("payee", text[:80], "it is for another chain than the one in use")
    token = next((token for token in purse.listed() if token.address == uri.contract), None)
    if token is None:
        raise InputMalformed("payee", text[:80], "it asks for a token that is not in your list")
    if uri.units is None:
        raise InputMalformed("amount", text[:80], _OPEN)
    return TokenAmount(uri.units, token).format(), token.symbol


def request_of(run: Run, payee: Payee) -> PaymentLink | None:
    """What was pasted, where it is a link to a handle."""
    return read_payment_link(payee.link, run.config.server) if is_payment_link(payee.link) else None


def check_tokens(run: Run, payee: Payee, amount: TokenAmount) -> None:
    """Is it what the link, if there is one, asks for? Raises InputMalformed."""
    request = request_of(run, payee)
    if request is not None:
        check_request(request, amount.format(), amount.token.symbol, request.memo)
    elif payee.link:
        check_agrees(read_payment_uri(payee.link), payee.link, amount)


def check_memo(memo: str) -> None:
    """One line of what can be shown to anybody. Raises InputMalformed."""
    if not memo.isprintable() or len(memo.encode()) > MEMO_BYTES_MAX:
        raise InputMalformed("memo", memo[:40], _("one line of at most {n} bytes").format(n=MEMO_BYTES_MAX))
