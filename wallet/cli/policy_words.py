"""The words of policies: why something was asked or denied, what may go wrong with a rule, what a rule is about."""

from __future__ import annotations

from collections.abc import Mapping

from wallet import errors as wallet
from wallet.approvals import Kind
from wallet.cli.inert import inert
from wallet.policy import Reason, Verdict
from wallet.texts import N_, _

REFUSED = 1
REASONS: dict[str, str] = {
    Reason.RULE: N_("a rule says so"),
    Reason.NO_POLICY: N_("there are no rules"),
    Reason.NO_RULE: N_("no rule is for it"),
    Reason.DOUBT: N_("it is unusual, or not understood to the bottom"),
    Reason.UNSURE: N_("it cannot be told whether a rule is for it"),
    Reason.TOKEN: N_("no amount is named for one of its tokens"),
    Reason.FEES: N_("the day's fees would be more than the rule's"),
    Reason.UP_TO: N_("it is more than the rule allows at once"),
    Reason.A_DAY: N_("the day's amount would be more than the rule's"),
    Reason.PRICE: N_("there is no price that is fresh and within the rule's bounds"),
    Reason.NOT_SIMULATED: N_("it was not simulated"),
    Reason.FORESEEN_OTHERWISE: N_("the simulation foresees something else"),
    Reason.COUNTERS: N_("the counters or the rules were lost, or older ones put back"),
}
VERDICTS: dict[str, str] = {
    Verdict.ALLOW: N_("allowed"),
    Verdict.ASK: N_("asked"),
    Verdict.DENY: N_("denied"),
}
KINDS: dict[str, str] = {
    Kind.CONNECT: N_("connect"),
    Kind.MESSAGE: N_("messages"),
    Kind.SIWE: N_("sign-ins"),
    Kind.TYPED_DATA: N_("typed data"),
    Kind.TRANSACTION: N_("transactions"),
    Kind.CALLS: N_("batches of calls"),
    Kind.ADD_CHAIN: N_("new chains"),
    Kind.SWITCH_CHAIN: N_("switching chains"),
    Kind.WATCH_ASSET: N_("watched assets"),
}
POLICY_ROWS: dict[type[Exception], tuple[str, int]] = {
    wallet.PasswordNeeded: (N_("Your policy does not let this pass ({reason}): it wants your password."), REFUSED),
    wallet.PolicyOlder: (
        N_("The policy here is older than one that was seen: `tandem policy reset` begins anew with it."),
        REFUSED,
    ),
    wallet.PolicyDenied: (N_("Your rule {rule} denies this; nothing was signed."), REFUSED),
}
POLICY_WORDS: dict[str, str] = {
    **REASONS,
    # InputMalformed.field
    "rule": N_("rule"),
    "client": N_("client"),
    "chain": N_("chain"),
    "selector": N_("selector"),
    "fees": N_("amount for fees"),
    "hours": N_("time of day"),
    "date": N_("date"),
    "note": N_("note"),
    "token": N_("token"),
    "kind": N_("kind of request"),
    "amount": N_("amount"),
    "price": N_("price"),
    "policy": N_("policy"),
    # InputMalformed.reason
    "r1 is an example": N_("r1 is an example"),
    "who asks": N_("who asks: an origin, a program's name, tandem or *"),
    "its number": N_("its number is expected"),
    "0x and eight hex digits": N_("0x and eight hex digits, or a function such as transfer(address,uint256)"),
    "08:00-20:00 is an example, in UTC": N_("08:00-20:00 is an example, in UTC"),
    "one limit for each token": N_("one limit for each token"),
    "a limit needs the chain that its token is on": N_("a limit needs the chain that its token is on"),
    "an allow rule names who may": N_("an allow rule names who may"),
    "an allow rule names what is allowed": N_("an allow rule names what is allowed: --kind"),
    "an allow rule says how much a day": N_("an allow rule says how much a day: --a-day"),
    "a deny or ask rule says above how much": N_("a deny or ask rule says above how much: --over, and nothing else"),
    "they are an allow rule's": N_("they are an allow rule's"),
    "the lower bound comes first": N_("the lower bound comes first: 0.80-1.20 is an example"),
    "`tandem policy` lists those that there are": N_("`tandem policy` lists those that there are"),
    "there is no policy": N_("there is no policy"),
    "an amount and a token are expected": N_("an amount and a token are expected, such as 10 DUSD"),
    "one price range for each amount in fiat": N_("--worth-a-day needs --price and one --token"),
}


def why_asked(told: Mapping[str, object]) -> str:
    """Why a policy that is there did not let something pass. `told` is a judgement's `policy` (Judgement.to_json)."""
    known = str(told["reason"])
    reason = _(REASONS[known]) if known in REASONS else ""
    rule = f" ({told['rule']})" if told["rule"] else ""
    said = _("Your policy does not let this pass: {reason}{rule}. A yes wants your password.")
    return said.format(reason=reason, rule=inert(rule))
