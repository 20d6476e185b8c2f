"""What is written for people agrees with the code: tables, manifests, commands, links."""

import re
from pathlib import Path

import pytest
import yaml

from model_experiment.api.parsing import parse_spec
from model_experiment.api.status import Phase, ShadowFinding, Verdict
from model_experiment.decision.phases import TRANSITIONS
from model_experiment.decision.plan import planned_users
from model_experiment.decision.rules import RULES
from model_experiment.decision.shadow_rules import SHADOW_RULES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")
TARGET = re.compile(r"^([a-z-]+):.*## ", re.MULTILINE)
QUOTED = re.compile(r"`[^`\n]+`|^  canary:$", re.MULTILINE)  # a field of somebody else has the name that it has
NEVER = re.compile(r"\b(control group|treatment|canary|KPI|SLO|uplift)\b", re.IGNORECASE)

page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(path, *languages):
    return [text for language, text in BLOCK.findall(path.read_text()) if language in languages]


def table(path, *header):
    """The rows of the table that has these columns."""
    lines = iter(path.read_text().splitlines())
    wanted = f"| {' | '.join(header)} |"
    assert any(line == wanted for line in lines), f"{path.name} must have a table {wanted}"
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return rows


def test_the_table_of_phases_is_the_one_in_the_code():
    written = table(ROOT / "docs/architecture.md", "from", "signal", "to")
    assert written == [(before, signal, after) for (before, signal), after in TRANSITIONS.items()]


def test_the_table_of_rules_has_them_in_their_order():
    written = table(ROOT / "docs/architecture.md", "rule", "verdict")
    assert [rule for rule, _ in written] == [f"`{rule.__name__}`" for rule in RULES]
    assert all(re.match(r"\w+", verdict).group() in set(map(str, Verdict)) for _, verdict in written)


def test_the_table_of_shadow_rules_has_them_in_their_order():
    written = table(ROOT / "docs/shadow.md", "shadow rule", "verdict")
    assert [rule for rule, _ in written] == [f"`{rule.__name__}`" for rule in SHADOW_RULES]
    assert all(re.match(r"\w+", verdict).group() in set(map(str, Verdict)) for _, verdict in written)
    found = table(ROOT / "docs/shadow.md", "finding of a challenger", "when")
    assert {finding for finding, _ in found} == {f"`{finding}`" for finding in ShadowFinding}


def test_the_glossary_has_every_verdict_and_phase_and_no_word_twice():
    rows = dict(table(ROOT / "docs/glossary.md", "word", "means"))
    assert len(rows) == len(table(ROOT / "docs/glossary.md", "word", "means"))
    assert all(str(verdict) in rows["verdict"] for verdict in Verdict)
    assert all(str(phase) in rows["phase"] for phase in Phase)


@page
def test_every_link_leads_somewhere(path):
    for link in LINK.findall(path.read_text()):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target) if target else path
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


def anchors(file):
    """The anchors that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@page
def test_every_target_of_make_exists(path):
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
    used = {name for text in blocks(path, "sh") for name in re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)}
    used |= set(re.findall(r"`make ([a-z-]+)[^`]*`", path.read_text()))
    assert used <= targets


@page
def test_every_manifest_of_an_experiment_is_one(path):
    for text in blocks(path, "yaml"):
        for document in yaml.safe_load_all(text):
            if document.get("kind") == "ModelExperiment":
                parse_spec(document["spec"])


@page
def test_pages_keep_to_the_words(path):
    written = path.read_text()
    if path.name == "glossary.md":
        written = written[: written.index("Not used")]
    assert NEVER.search(QUOTED.sub("", written)) is None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_can_be_run_and_planned(path):
    spec = parse_spec(yaml.safe_load(path.read_text())["spec"])
    assert spec.is_shadow or planned_users(spec, looks=spec.analysis.looks) > 0


def test_the_readme_shows_the_example_as_it_is():
    assert (ROOT / "examples/ranker.yaml").read_text() in blocks(ROOT / "README.md", "yaml")


def test_the_demonstrations_named_are_the_ones_there_are():
    from demo.scenario import SCENARIOS  # noqa: PLC0415 - the demonstration is no part of the product

    offered = re.search(r"SCENARIO=([\w|]+)", (ROOT / "Makefile").read_text())[1].split("|")
    assert offered == list(SCENARIOS)


def test_every_target_has_its_line_of_help():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split()
    assert sorted(phony) == sorted(TARGET.findall(makefile))


def test_decision_records_are_numbered_without_a_gap():
    records = sorted((ROOT / "docs/adr").glob("*.md"))
    for number, record in enumerate(records, start=1):
        assert record.name.startswith(f"{number:04}-")
        text = record.read_text()
        assert text.startswith(f"# {number}. ")
        assert all(f"**{part}.**" in text for part in ("Situation", "Decision", "Consequences"))
