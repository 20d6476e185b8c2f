"""Helm checks values against the schema before it renders anything; so a wrong one is refused with its path."""

import json

import jsonschema
import pytest
import yaml

import chart

SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((chart.CHART / "values.yaml").read_text())


def faults(values):
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [
        ".".join(str(part) for part in error.absolute_path)
        for error in validator.iter_errors(chart.merged(DEFAULTS, values))
    ]


def test_the_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="the defaults"),
        pytest.param({"prometheus": {"url": "https://prometheus.example.org/tenant/"}}, id="https with a path"),
        pytest.param({"watchNamespace": "shop"}, id="one namespace"),
        pytest.param({"global": {"anything": 1}}, id="what Helm passes on from a larger chart"),
        pytest.param({"controller": {"pollSeconds": 0.5}}, id="half a second"),
        pytest.param({"extraPolicyKinds": [{"group": "a.example.org", "resource": "limits"}]}, id="a policy kind"),
        pytest.param({"comparator": {"enabled": True, "routesFrom": ["shop"]}}, id="a comparator"),
        pytest.param({"collector": {"database": {"secretName": "postgres.log", "secretKey": "URL_1"}}}, id="a Secret"),
    ],
)
def test_right_values_are_taken(values):
    assert faults(values) == []


@pytest.mark.parametrize(
    ("values", "path"),
    [
        pytest.param({"prometheus": {"url": "prometheus:9090"}}, "prometheus.url", id="a URL without its scheme"),
        pytest.param({"prometheus": {"URL": "http://p"}}, "prometheus", id="a misspelt name"),
        pytest.param({"prometheusUrl": "http://p"}, "", id="a value that does not exist"),
        pytest.param({"watchNamespace": "Shop"}, "watchNamespace", id="no name of a namespace"),
        pytest.param({"controller": {"pollSeconds": 0}}, "controller.pollSeconds", id="zero seconds"),
        pytest.param({"controller": {"pollSeconds": "5s"}}, "controller.pollSeconds", id="seconds with a unit"),
        pytest.param({"controller": {"slots": 1.5}}, "controller.slots", id="half a slot"),
        pytest.param({"controller": {"replicas": 2}}, "controller", id="two controllers"),
        pytest.param({"collector": {"logLevel": "debug"}}, "collector.logLevel", id="no level"),
        pytest.param({"collector": {"persistence": {"size": "five"}}}, "collector.persistence.size", id="no size"),
        pytest.param({"crds": {"keep": "yes"}}, "crds.keep", id="text for a yes or no"),
        pytest.param({"commonLabels": {"team": 1}}, "commonLabels.team", id="a number as a label"),
        pytest.param({"extraPolicyKinds": ["limits.example.org"]}, "extraPolicyKinds.0", id="a kind as one word"),
        pytest.param(
            {"extraPolicyKinds": [{"group": "", "resource": "secrets"}]}, "extraPolicyKinds.0.group", id="core kinds"
        ),
        pytest.param(
            {"extraPolicyKinds": [{"group": "a.b", "resource": "*"}]}, "extraPolicyKinds.0.resource", id="a wildcard"
        ),
        pytest.param({"networkPolicy": {"httpFrom": []}}, "networkPolicy.httpFrom", id="nobody, which means everybody"),
        pytest.param({"comparator": {"replicas": 0}}, "comparator.replicas", id="no replica"),
        pytest.param({"comparator": {"routesFrom": ["*"]}}, "comparator.routesFrom.0", id="all namespaces"),
        pytest.param({"comparator": {"bodyBytes": "64Mi"}}, "comparator.bodyBytes", id="bytes with a unit"),
        pytest.param({"comparator": {"pairsUnderWay": 0}}, "comparator.pairsUnderWay", id="no pairs"),
        pytest.param(
            {"comparator": {"database": "postgresql://u:p@h/d"}}, "comparator.database", id="a plain password"
        ),
        pytest.param(
            {"collector": {"database": {"secretName": "a/b"}}},
            "collector.database.secretName",
            id="no name of a Secret",
        ),
        pytest.param(
            {"collector": {"database": {"secretKey": ""}}}, "collector.database.secretKey", id="no key of a Secret"
        ),
        pytest.param({"clusterDomain": "svc/cluster"}, "clusterDomain", id="no domain"),
        pytest.param({"serviceMonitor": {"interval": 15}}, "serviceMonitor.interval", id="an interval without a unit"),
    ],
)
def test_wrong_values_are_refused_where_they_stand(values, path):
    assert faults(values) == [path]
