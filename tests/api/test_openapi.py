"""schemathesis over the OpenAPI document: no request that it can think of makes a 500 or an undeclared reply."""

from __future__ import annotations

import itertools

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from api.endpoint import SCOPES
from tests.api.conftest import Shop

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@pytest.mark.parametrize("examples", [8, pytest.param(100, marks=pytest.mark.soak)])
@pytest.mark.timeout(1800)
def test_no_request_breaks_the_service(shop: Shop, examples: int) -> None:
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", shop.app)
    headers = {"Authorization": f"Bearer {shop.keys['admin']}"}
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation, mode in itertools.product(operations, GenerationMode):
        if mode == GenerationMode.NEGATIVE and operation.method.upper() == "GET" and not len(operation.query):
            continue

        # The public decorators of schemathesis need its pytest plugin; the strategy below is what they use.
        @settings(max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def try_out(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        try_out()
    assert len(operations) == len(SCOPES)
