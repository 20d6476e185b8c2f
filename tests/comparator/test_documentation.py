"""``docs/shadow.md`` agrees with the code."""

import re
from dataclasses import fields
from pathlib import Path

import yaml

from model_experiment.api.parsing import parse_shadow
from model_experiment.comparator.answers import MOST_LEVELS, Reason
from model_experiment.comparator.comparing import STATUS
from model_experiment.comparator.copies import LeftOut
from model_experiment.comparator.counting import MOST_FIELDS
from model_experiment.comparator.evidence import LONGEST_BODY
from model_experiment.comparator.heads import LONGEST_LINE_BYTES, MOST_HEADERS
from model_experiment.comparator.lag import TOLERATED_SECONDS
from model_experiment.comparator.recording import MOST_WAITING
from model_experiment.comparator.settings import ComparatorSettings
from model_experiment.comparator.texts import MOST_WORDS
from model_experiment.metrics import shadow_families
from model_experiment.metrics.families import COMPARATOR

PAGE = (Path(__file__).parents[2] / "docs/shadow.md").read_text()


def test_the_example_can_be_read():
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert parse_shadow(yaml.safe_load(block)["shadow"]).outputs


def test_reasons_stand_in_their_order():
    (listed,) = re.findall(r"the first of\nthis list is named: (.*?)\.\n", PAGE, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == list(Reason)
    assert all(f"`{why}`" in PAGE for why in LeftOut)
    assert f"`{STATUS}`" in PAGE


def test_every_metric_is_named():
    others = ("ANSWERS", "NOT_COMPARABLE", "OUTPUTS", "FIELDS", "LEFT_OUT", "LATENCY", "SCORES")
    assert all(f"`{metric}`" in PAGE for metric in COMPARATOR.metrics.values())
    for name in others:
        metric = getattr(shadow_families, name)
        assert f"`...{metric.removeprefix('model_experiment_shadow')}`" in PAGE, metric


def test_bounds_are_those_of_the_code():
    assert f"over {MOST_LEVELS} levels" in PAGE
    assert f"no more than {MOST_FIELDS} of an" in PAGE
    assert f"up to {LONGEST_BODY:,} characters" in PAGE
    assert f"at most {MOST_WAITING} pairs a second" in PAGE
    assert f"late by more than {TOLERATED_SECONDS} s" in PAGE
    assert f"The first {MOST_WORDS:,} words" in PAGE
    assert f"a line of over {LONGEST_LINE_BYTES:,} bytes or more than {MOST_HEADERS:,} headers" in PAGE


def test_flags_have_the_defaults_of_the_code():
    rows = dict(re.findall(r"^\| `--([a-z-]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    numbers = {field.name.replace("_", "-"): field.default for field in fields(ComparatorSettings) if field.type is int}
    units = {"MiB": 2**20}
    told = {name: int(text.split()[0]) * units.get(text.split()[-1], 1) for name, text in rows.items()}
    assert told == numbers
