"""A-6: schemathesis over the OpenAPI document, bounded: no 5xx, no invalid input accepted, nothing undocumented."""

from __future__ import annotations

import asyncio

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = 5
CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]
STREAM = "GET /v1/events"
"""Never ends by itself, so that nothing could be read to its end; test_events reads it."""
RELAY = "POST /v1/rpc/{chain_id}"
"""JSON-RPC refuses inside an answer of 200; which calls it refuses is in test_views."""
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def document(running):
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json")


@pytest.fixture(scope="module")
def token(running):
    async def signed_in():
        return (await (await running.person().register()).sign_in()).token

    return asyncio.run(signed_in())


def attack(operation, mode, token, session):
    """A few requests to one operation: well-formed ones, or ones with something wrong in them."""

    checks = CHECKS if operation.label == RELAY else [*CHECKS, negative_data_rejection]

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def requests_of(case):
        case.call_and_validate(checks=checks, headers={"Authorization": f"Bearer {token}"}, session=session, timeout=60)

    try:
        requests_of()
    except Unsatisfiable:  # nothing to get wrong in a request without fields
        assert mode is GenerationMode.NEGATIVE, operation.label


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_a6_no_operation_breaks_or_accepts_nonsense(document, token, mode):
    attacked = 0
    with requests.Session() as session:
        for found in document.get_all_operations():
            operation = found.ok()
            if operation.label in ("DELETE /v1/sessions/current", STREAM):
                continue  # it would end the session that the others need
            attack(operation, mode, token, session)
            attacked += 1
    assert attacked >= 20


def test_the_checks_would_notice(document, token):
    """The positive control: a bound that no answer meets is reported."""

    def never(ctx, response, case):
        raise AssertionError("seen")

    operation = next(found.ok() for found in document.get_all_operations())
    case = operation.Case()
    with pytest.raises(BaseException, match="seen"):
        case.call_and_validate(checks=[never])
