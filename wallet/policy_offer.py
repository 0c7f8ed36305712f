"""The rule that "always" would make of a request: as narrow as the request itself, for thirty days. Pure."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from chain.address import Address
from chain.keccak import keccak256
from chain.token import UNITS_MAX, Token
from chain.token_list import TokenList
from wallet.approvals import Kind
from wallet.policy import OWN, Limit, Policy, Rule, Verdict
from wallet.policy_request import Request

TIMES_A_DAY = 5
FEE_TIMES = 2
"""Fees rise and fall: the next one may be twice as high."""
SECONDS = 30 * 86_400
_PROCESS = "process:"
_UNBOUND = (Kind.CONNECT, Kind.WATCH_ASSET, Kind.ADD_CHAIN, Kind.CALLS)
"""A rule of these says too little: not which accounts are shown, which asset or chain it is, in what order calls go."""


def narrow(request: Request, policy: Policy | None, now: int, tokens: TokenList | None = None) -> Rule | None:
    """The same client, kind, chain, account, parties, contracts and calls; each amount at most as now, and five times
    that a day. None where a rule could not stand for it: a doubt, an unlisted token, a process, which ends, or a
    kind whose rule would give more than the request (another account than the one agreed to).

    Tokens are looked for in the policy's own rules, then in `tokens`.
    """
    if request.doubts or request.client == OWN or request.client.startswith(_PROCESS):
        return None
    if request.kind in _UNBOUND or (request.is_call and request.claims.simulated is None):
        return None
    totals: Counter[tuple[int, Address | None]] = Counter()
    for spend in request.spends:
        totals[(spend.chain_id, spend.token)] += spend.units
    native = (request.chain_id or 0, None)
    fee = FEE_TIMES * request.fee
    if fee and native in totals:
        totals[native] += fee
    for contract in request.tokens:
        totals[(request.chain_id or 0, contract)] += 0
    limits = []
    for (chain_id, address), units in totals.items():
        token = _token(chain_id, address, policy, tokens)
        if token is None or units > UNITS_MAX // TIMES_A_DAY:
            return None
        limits.append(Limit(token, units, units * TIMES_A_DAY))
    return Rule(
        "r1",
        Verdict.ALLOW,
        request.client,
        (request.kind,),
        request.chain_id,
        request.account,
        request.parties,
        request.contracts,
        request.selectors,
        tuple(limits),
        fees_a_day=0 if native in totals else fee * TIMES_A_DAY,
        until=now + SECONDS,
    )


def rule_digest(rule: Rule) -> bytes:
    """By which a rule that was shown is named again: keccak256 of its JSON, members in order of their names."""
    told = json.dumps(rule.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return keccak256(b"tandem rule 1\n" + told.encode())


def _token(chain_id: int, address: Address | None, policy: Policy | None, tokens: TokenList | None) -> Token | None:
    if address is None:
        return Token.native(chain_id, name="")
    for rule in policy.rules if policy else ():
        for limit in rule.limits:
            if limit.place == (chain_id, address):
                return limit.token
    found = tokens.by_address(chain_id, address) if tokens else None
    return replace(found, name="") if found else None
