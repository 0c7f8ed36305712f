"""`tandem policy`: rules on what is signed without asking, tried on what was asked before, and what came of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from wallet.approvals import Kind
from wallet.cli import terminal
from wallet.cli.policy_words import KINDS, REASONS, VERDICTS
from wallet.cli.rule_words import about, brief
from wallet.cli.running import Json, Run, command, group
from wallet.cli.show import facts, table
from wallet.cli.waiting import wait
from wallet.errors import InputMalformed, VaultMissing
from wallet.networks import current_network
from wallet.policy import Policy, Rule, Verdict, read_policy
from wallet.policy_files import log_content
from wallet.policy_log import Checked, check
from wallet.policy_trial import Tried, tried
from wallet.policy_typed import Typed, rule_of
from wallet.purse import TOKENS
from wallet.signing import VAULT_NAME, Signer
from wallet.texts import _

LOG_SHOWN = 50
BROKEN = 1
_KINDS = [kind.value for kind in Kind]


def described(function: Callable[..., None]) -> Callable[..., None]:
    """What a rule can say, as options."""
    options = [
        click.option("--client", default="", help=_("who asks: an origin, a program's name, tandem (you), or *")),
        click.option(
            "--kind",
            "kinds",
            multiple=True,
            type=click.Choice([kind.value for kind in Kind]),
            help=_("what is asked for"),
        ),
        click.option("--chain", "chain_id", type=int, help=_("the chain's number; the one in use where one is needed")),
        click.option("--account", default="", help=_("which account signs")),
        click.option("--recipient", "recipients", multiple=True, help=_("who gets, or may take")),
        click.option("--contract", "contracts", multiple=True, help=_("which contract is called")),
        click.option("--function", "functions", multiple=True, help=_("which function: a selector or a signature")),
        click.option("--up-to", multiple=True, help=_("at once, such as “10 DUSD”; fees count where it is the coin")),
        click.option("--a-day", multiple=True, help=_("in any 24 hours, such as “50 DUSD”")),
        click.option("--over", multiple=True, help=_("of a deny or ask rule: above this, such as “100 DUSD”")),
        click.option("--worth-a-day", default="", help=_("in fiat, such as “100 EUR”, with --token and --price")),
        click.option("--token", default="", help=_("the token that --worth-a-day is about")),
        click.option("--price", default="", help=_("the bounds within which a price counts, such as 0.80-1.20")),
        click.option("--fees", default="", help=_("a day, in the chain's coin, where that is not limited itself")),
        click.option("--hours", default="", help=_("of the day in UTC, such as 08:00-20:00")),
        click.option("--from", "since", default="", help=_("not before: 7d, 12h or a date")),
        click.option("--until", default="", help=_("7d, 12h, 30m or a date")),
        click.option("--unsimulated", is_flag=True, help=_("allow a call that the node did not simulate too")),
        click.option("--note", default="", help=_("a line for yourself")),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command("add", _("Add a rule: allow, ask or deny. Wants your password."))
@click.argument("verdict", type=click.Choice([verdict.value for verdict in Verdict]))
@described
def add(run: Run, verdict: str, unsimulated: bool, **options: Any) -> None:
    rule = _typed(run, verdict, unsimulated, options)
    if not run.json:
        facts(about(rule))
    password = terminal.ask_password(run.config)
    answer = wait(_change(run, lambda signer: signer.add_rule(password, rule.to_json(), run.config.server_host)))
    made = read_policy(answer["policy"]).rules[-1]
    run.answer({"rule": made.to_json()}, lambda: click.echo(_("Added as {rule}.").format(rule=made.id)))


@command("remove", _("Remove a rule. Wants your password."))
@click.argument("rule")
def remove(run: Run, rule: str) -> None:
    _policy(_state(run)).rule(rule)
    password = terminal.ask_password(run.config)
    answer = wait(_change(run, lambda signer: signer.remove_rule(password, rule)))
    left = len(_policy(answer).rules)

    def show() -> None:
        click.echo(_("Removed {rule}; rules that are left: {count}.").format(rule=rule, count=left))
        if not left:
            click.echo(_("Without rules your yes is enough again."))

    run.answer({"removed": rule, "left": left}, show)


@command("show", _("A rule in full, and what was used of it in the last 24 hours."))
@click.argument("rule")
def show(run: Run, rule: str) -> None:
    state = _state(run)
    found = _policy(state).rule(rule)
    used = {name.partition(" ")[2]: amount for name, amount in state["used"].items() if name.split(" ")[0] == rule}
    run.answer({"rule": found.to_json(), "used": used}, lambda: facts(about(found, used)))


@command("reset", _("Count anew, and take the rules as they are, after files were lost. Wants your password."))
def reset(run: Run) -> None:
    password = terminal.ask_password(run.config)
    wait(_change(run, lambda signer: signer.reset_counters(password)))
    run.answer({"reset": True}, lambda: click.echo(_("Counted anew from now on.")))


@command("test", _("What the rules, and one more if you describe it, would have said to past requests."))
@click.argument("verdict", type=click.Choice([verdict.value for verdict in Verdict]), required=False)
@click.option("--without", default="", metavar="RULE", help=_("as if this rule were not there"))
@described
def test(run: Run, verdict: str | None, without: str, unsimulated: bool, **options: Any) -> None:
    policy = _policy(_state(run), to_try=True)
    if without:
        policy = policy.without(without)
    if verdict is not None:
        policy = policy.with_rule(_typed(run, verdict, unsimulated, options))
    elif any(options.values()):
        raise InputMalformed("rule", "", "who asks")
    found = tried(policy, check(log_content(run.config.home)).entries)
    counts = {verdict.value: sum(one.decision.verdict is verdict for one in found) for verdict in Verdict}
    document = {"requests": [one.to_json() for one in found], "counts": counts}
    run.answer(document, lambda: _show_tried(found, counts))


@command("log", _("What was allowed, asked and denied, and every change of the rules."))
@click.option("--limit", type=click.IntRange(1), default=LOG_SHOWN, show_default=True, help=_("the latest only"))
def log(run: Run, limit: int) -> None:
    found = check(log_content(run.config.home))
    missing = bool(found.entries) and found.entries[-1]["n"] < _state(run)["logged"]
    is_whole = not (found.faults or missing)
    shown = found.entries[-limit:]
    document = {"entries": list(shown), "whole": is_whole, "torn": found.is_torn, "faults": list(found.faults)}
    run.answer(document, lambda: _show_log(found, shown, missing))
    if not is_whole:
        click.get_current_context().exit(BROKEN)


@group("policy", _("Rules on what is signed without asking."), add, remove, show, test, log, reset)
def policy(run: Run) -> None:
    state = _state(run)
    rules = _policy(state, to_try=True).rules

    def listed() -> None:
        if not rules:
            click.echo(_("There are no rules: everything is asked. `tandem policy add --help`"))
            return
        table([_("Rule"), _("Says"), _("Who"), _("What"), _("How much"), _("Until")], [brief(rule) for rule in rules])
        click.echo(_("What no rule allows wants your password."))
        _warn(state)

    run.answer(state, listed)


def _warn(state: Json) -> None:
    if not state["checked"]:
        click.echo(_("The keys are locked, so this is what the file says; it is checked before it counts."))
    if state.get("closed_seconds"):
        hours = -(-int(state["closed_seconds"]) // 3600)
        text = _("The counters were lost or put back: no amount is allowed for {hours} hours (`tandem policy reset`).")
        click.echo(text.format(hours=hours))
    if state.get("rolled_back"):
        click.echo(_("Older rules were put back: nothing is allowed until `tandem policy reset`."))


def _typed(run: Run, verdict: str, unsimulated: bool, options: Json) -> Rule:
    network = current_network(run.config, run.store)
    typed = Typed(Verdict(verdict), simulated=not unsimulated, **options)
    return rule_of(typed, network.chain_id, TOKENS, int(time.time()))


def _state(run: Run) -> Json:
    return wait(_change(run, lambda signer: signer.policy()))


async def _change(run: Run, ask: Callable[[Signer], Any]) -> Json:
    if not (run.config.home / VAULT_NAME).exists():
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    async with await Signer.connect(run.config.home) as signer:
        answer: Json = await ask(signer)
        return answer


def _policy(state: Json, *, to_try: bool = False) -> Policy:
    """Raises InputMalformed where there is none, unless one is only to be tried."""
    if state["policy"] is not None:
        return read_policy(state["policy"])
    if to_try:
        return Policy("0" * 32, 1, "")
    raise InputMalformed("rule", "", "there is no policy")


def _show_tried(found: Sequence[Tried], counts: dict[str, int]) -> None:
    rows = [
        (
            _moment(one.at),
            one.request.client,
            _(KINDS[one.request.kind]),
            _(VERDICTS[one.was]),
            _(VERDICTS[one.decision.verdict]),
            one.decision.rule,
            _(REASONS[one.decision.reason]),
        )
        for one in found
    ]
    if rows:
        table([_("Time (UTC)"), _("Who"), _("What"), _("Was"), _("Would be"), _("Rule"), _("Why")], rows)
    summary = _("Of {count} past requests: {allow} allowed, {ask} asked, {deny} denied.")
    click.echo(summary.format(count=len(found), **counts))


def _show_log(found: Checked, shown: Sequence[Json], missing: bool) -> None:
    events = {
        "policy": _("the rules were changed"),
        "password": _("you gave the password"),
        "reset": _("counted anew"),
        "counters-lost": _("the counters were lost or put back"),
    }
    rows = []
    for entry in shown:
        request = entry.get("request") or {}
        verdict, event = entry.get("verdict"), entry["event"]
        said = _(VERDICTS[verdict]) if verdict in VERDICTS else events.get(event, "")
        reason, kind = entry.get("reason"), request.get("kind")
        why = _(REASONS[reason]) if reason in REASONS else ""
        what = _(KINDS[kind]) if kind in KINDS else ""
        rule = str(entry.get("rule", ""))
        rows.append((str(entry["n"]), _moment(entry["at"]), str(request.get("client", "")), what, said, rule, why))
    if rows:
        table([">" + _("No."), _("Time (UTC)"), _("Who"), _("What"), _("Said"), _("Rule"), _("Why")], rows)
    else:
        click.echo(_("Nothing was asked yet."))
    if found.faults or missing:
        click.echo(_("The log is not whole: lines were changed, moved or taken away."), err=True)


def _moment(at: object) -> str:
    seconds = at if isinstance(at, int) and 0 <= at < 2**35 else 0
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
