"""A real Prometheus scrapes, restarts happen, and every number is exact."""

import asyncio
import time
import uuid
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import requests

from comparator.shadowing import experiment
from control_plane import prometheus as real
from metrics.builders import ERRORS, OUTCOMES, VALUE, VARIANTS
from metrics.exporter import Exporter, exporting
from model_experiment.comparator.answers import Answer
from model_experiment.comparator.catalogue import catalogue_of
from model_experiment.comparator.comparing import Compared
from model_experiment.comparator.counting import Tallies
from model_experiment.comparator.exposition import metrics_of
from model_experiment.decision.counts import DIFFERENT, EXPOSURES, PAIRS, REQUESTS, Family, Measure, PairResult
from model_experiment.metrics.families import COMPARATOR
from model_experiment.metrics.ledger import Ledger
from model_experiment.metrics.ledger_storage import to_json
from model_experiment.metrics.prometheus import Limits, PrometheusSource
from model_experiment.metrics.queries import check_query
from model_experiment.metrics.source import History, NoData, Question, SourceDown, Stale, Value

pytestmark = pytest.mark.cluster

ODD = Measure(Family.OUTCOMES, 'a "quoted" \\ name,\nin two lines ✓')
MEASURES = (EXPOSURES, REQUESTS, ERRORS, VALUE, OUTCOMES, ODD)
PATIENCE = 20.0  # far less than the five minutes for which Prometheus repeats a sample
STALE_AFTER = 5.0


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Prometheus alone, scraping every second; it needs no cluster around it."""
    found = real.create(tmp_path_factory.mktemp("prometheus"))
    found.process.start()
    try:
        found.process.wait_ready()
        yield found
    finally:
        found.process.stop()


@pytest.fixture
def source(prometheus):
    found = PrometheusSource(
        prometheus.url, limits=Limits(deadline_seconds=4, stale_after_seconds=STALE_AFTER, threads=2)
    )
    yield found
    found.close()


@pytest.fixture
def scrape(prometheus):
    """Lets Prometheus scrape an address until the end of the test."""
    scraped = []

    def add(port, job="collector"):
        scraped.append((job, f"127.0.0.1:{port}"))
        prometheus.add_target(*scraped[-1])

    yield add
    for target in scraped:
        prometheus.remove_target(*target)


@pytest.fixture
def question():
    return Question(str(uuid.uuid4()), VARIANTS, MEASURES)


class Reader:
    """Reads again and again, as the controller does, and keeps the books."""

    def __init__(self, source, question):
        self.source, self.question, self.ledger, self.times = source, question, Ledger(), []

    async def read(self):
        at = round(time.time(), 3)
        answer = await self.source.read(self.question, at=at)
        self.times.append(at)
        if isinstance(answer, Value):
            self.ledger = self.ledger.with_snapshot(answer.snapshot)
        return answer

    async def until(self, is_true):
        """The first answer of which this is true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = await self.read()
            if is_true(answer):
                return answer
            await asyncio.sleep(0.2)
        raise AssertionError(f"not within {PATIENCE} s, last answer: {answer}")

    async def until_scraped(self, processes=1):
        """Until every process was scraped after now."""
        now = time.time()
        return await self.until(
            lambda answer: (
                isinstance(answer, Value)
                and len(answer.snapshot.readings) == processes
                and all(found.heartbeat > now for found in answer.snapshot.readings)
            )
        )


def count(exporter, random):
    for key, table in exporter.counters.items():
        exporter.counters[key] = table + random.integers(0, 1000, 100)


def assert_totals(ledger, *exporters):
    counts = ledger.totals()
    for variant in VARIANTS:
        for measure in MEASURES:
            expected = sum(exporter.counters[variant, measure] for exporter in exporters)
            assert np.array_equal(counts.buckets(variant, measure), expected), (variant, measure)
    assert not ledger.faults


async def test_totals_are_exact_over_restarts_of_a_collector(source, scrape, question):
    """Three processes after each other under one address; at the end nothing is lost and nothing counts twice."""
    random = np.random.default_rng(11)
    reader = Reader(source, question)
    lives = [Exporter(question.uid, MEASURES)]
    port = None
    for _ in range(3):
        with exporting(lives[-1], port or 0) as port:
            if len(lives) == 1:
                scrape(port)
            for _ in range(2):
                count(lives[-1], random)
                await reader.until_scraped()
        lives.append(Exporter(question.uid, MEASURES))
    assert_totals(reader.ledger, *lives)
    await asyncio.sleep(1)
    await assert_replay_equals_reading(reader)


async def assert_replay_equals_reading(reader):
    """A controller that slept all the time sees the same at the same times, and comes to the same totals."""
    start, end = reader.times[0], reader.times[-1]
    found = await reader.source.read_range(reader.question, start=start, end=end, step=0.25)
    assert isinstance(found, History)
    ledger = Ledger()
    for at, answer in found.answers:
        alone = await reader.source.read(reader.question, at=at)
        assert type(alone) is type(answer)
        if isinstance(answer, Value):
            assert alone.warnings == answer.warnings
            assert to_json(Ledger().with_snapshot(alone.snapshot)) == to_json(Ledger().with_snapshot(answer.snapshot))
            ledger = ledger.with_snapshot(answer.snapshot)
    slept, awake = ledger.totals(), reader.ledger.totals()
    assert all(np.array_equal(slept.tables[key], awake.tables[key]) for key in awake.tables)


async def test_two_collectors_add_up_and_two_scrapes_of_one_do_not(source, scrape, question):
    random = np.random.default_rng(12)
    reader = Reader(source, question)
    one, two = Exporter(question.uid, MEASURES), Exporter(question.uid, MEASURES)
    with exporting(one) as port, exporting(two) as other:
        scrape(port)
        scrape(port, job="scraped-again")
        scrape(other)
        await reader.until_scraped(processes=2)
        for _ in range(2):
            count(one, random)
            count(two, random)
            await reader.until_scraped(processes=2)
        await asyncio.sleep(1.5)  # both jobs have scraped by now
        await reader.read()
        assert_totals(reader.ledger, one, two)


async def test_a_real_comparator_is_read_beside_collectors_and_says_where_answers_differ(source, scrape):
    subject, tallies = replace(experiment(), uid=str(uuid.uuid4())), Tallies()
    tallies.know(catalogue_of([subject]))
    tally = tallies.get(subject)
    different = {"answer/price": 30, "answer/a": 20, "answer/b": 20, "answer/c": 3, "answer/d": 2, "answer/e": 1}
    for field, times in different.items():
        for _ in range(times):
            tally.count_pair(7, "v8", Compared(PairResult.DIFFERENT, fields=(field,)))
    tally.count_answers(7, {"v7": Answer(200, b"{}", 0.1), "v8": Answer(500, b"{}", 0.1)})
    measures = (*PAIRS, REQUESTS, ERRORS)
    reader = Reader(source, Question(subject.uid, subject.variants, measures, exporter=COMPARATOR))
    started = time.time()
    metrics = SimpleNamespace(collect=lambda: metrics_of(tallies, started=started, now=time.time()))
    with exporting(Exporter(subject.uid, MEASURES)) as collector, exporting(metrics) as comparator:
        scrape(collector)
        scrape(comparator, job="comparator")
        await reader.until_scraped()
        counts, at = reader.ledger.totals(), time.time()
        fields = await source.differing_fields(subject.uid, at=at)
    assert (counts.buckets("v8", DIFFERENT)[7], counts.total("v8", DIFFERENT)) == (76, 76)
    assert (counts.total("v8", ERRORS), counts.total("v7", REQUESTS)) == (1, 1)
    assert [(each.field, each.pairs) for each in fields["v8"]] == [*different.items()][:5]
    assert await source.differing_fields("nobody", at=at) == {}


async def test_a_collector_that_stops_is_no_data_within_seconds(source, scrape, question):
    reader = Reader(source, question)
    exporter = Exporter(question.uid, MEASURES)
    with exporting(exporter) as port:
        scrape(port)
        await reader.until_scraped()
    answer = await reader.until(lambda found: isinstance(found, NoData))
    assert answer.reason == "at least 1 collector must be scraped by Prometheus, found none"
    assert_totals(reader.ledger, exporter)


async def test_an_experiment_that_no_collector_knows_is_no_data(source, scrape, question):
    exporter = Exporter(str(uuid.uuid4()), MEASURES)
    with exporting(exporter) as port:
        scrape(port)
        answer = await Reader(source, question).until(lambda found: "none of them counts" in found.reason)
    assert answer.reason == f"1 collector reported, none of them counts experiment {question.uid}"


async def test_a_variant_that_is_not_counted_is_no_data(source, scrape, question):
    exporter = Exporter(question.uid, MEASURES)
    for measure in MEASURES:
        del exporter.counters["v8", measure]
    with exporting(exporter) as port:
        scrape(port)
        answer = await Reader(source, question).until(lambda found: "v8" in found.reason)
    assert isinstance(answer, NoData)
    assert f"collector 127.0.0.1:{port} must report all 100 buckets of exposures for variant v8" in answer.reason


async def test_nan_is_met_as_what_it_is(source, scrape, question):
    exporter = Exporter(question.uid, MEASURES)
    exporter.counters["v7", VALUE][42] = float("nan")
    with exporting(exporter) as port:
        scrape(port)
        answer = await Reader(source, question).until(lambda found: "NaN" in found.reason)
    assert answer.reason == (
        f"outcome_value purchase of variant v7, bucket 42, of collector 127.0.0.1:{port} must be a finite number, "
        "found NaN"
    )


async def test_an_outage_of_prometheus_is_source_down_then_stale_then_over(prometheus, source, scrape, question):
    reader = Reader(source, question)
    exporter = Exporter(question.uid, MEASURES)
    with exporting(exporter) as port:
        scrape(port)
        await reader.until_scraped()
        prometheus.process.pause()
        answer = await reader.read()
        assert isinstance(answer, SourceDown)
        assert "no complete answer" in answer.reason or "did not answer in time" in answer.reason
        prometheus.process.resume()
        prometheus.process.stop()
        assert isinstance(await reader.until(lambda found: "could not be reached" in found.reason), SourceDown)
        count(exporter, np.random.default_rng(13))
        await asyncio.sleep(STALE_AFTER)
        prometheus.process.start()
        prometheus.process.wait_ready()
        await reader.until_scraped()
    assert_totals(reader.ledger, exporter)


async def test_old_numbers_are_stale_though_prometheus_still_shows_them(source, scrape, question):
    """Asked at a later time than the last scrape, Prometheus repeats the last sample for five minutes."""
    exporter = Exporter(question.uid, MEASURES)
    reader = Reader(source, question)
    with exporting(exporter) as port:
        scrape(port)
        await reader.until_scraped()
        answer = await source.read(question, at=time.time() + 30)
    assert isinstance(answer, Stale)
    assert 30 <= answer.age_seconds < 50


async def test_a_person_finds_the_same_number_with_the_short_query(prometheus, source, scrape, question):
    """Also for a name that has everything in it that could break a query."""
    exporter = Exporter(question.uid, MEASURES)
    reader = Reader(source, question)
    count(exporter, np.random.default_rng(14))
    with exporting(exporter) as port:
        scrape(port)
        await reader.until_scraped()
        counts = reader.ledger.totals()
        for measure in MEASURES:
            asked = {"query": check_query(question.uid, measure)}
            answer = await asyncio.to_thread(requests.get, f"{prometheus.url}/api/v1/query", asked, timeout=5)
            rows = answer.json()["data"]["result"]
            found = {row["metric"]["variant"]: float(row["value"][1]) for row in rows}
            assert found == {variant: counts.total(variant, measure) for variant in VARIANTS}
