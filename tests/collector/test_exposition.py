from dataclasses import replace

from prometheus_client import generate_latest

from collector.collecting import RANKER, scraped, user_of
from model_experiment.collector.catalogue import catalogue_of
from model_experiment.collector.counting import Tallies
from model_experiment.collector.exposition import metrics_of
from model_experiment.decision.counts import EXPOSURES, Family, Measure
from model_experiment.metrics.families import COLLECTOR, COUNTER_LABELS, DETAIL_LABELS
from model_experiment.process.exposition import registry_of

USER = user_of("v8")


def text_of(tallies):
    return generate_latest(
        registry_of(lambda: metrics_of(tallies, now=1_700_000_099.5, started=1_700_000_000.25))
    ).decode()


def test_every_label_set_is_there_at_zero():
    tallies = Tallies()
    tallies.know(catalogue_of([replace(RANKER, ramped=True)]))
    samples = scraped(text_of(tallies)).samples
    details = {
        Family.RESPONSES: ["ServerError", "ClientError"],
        Family.SLOW_RESPONSES: ["250ms"],
        Family.OUTCOMES: ["purchase"],
        Family.OUTCOME_VALUE: ["purchase"],
    }
    expected = {
        (COLLECTOR.metrics[family], tuple(sorted((*zip(COUNTER_LABELS, values, strict=True), *detail))))
        for family in COLLECTOR.metrics
        for variant in ("v7", "v8")
        for bucket in range(100)
        for values in [("3f0c-1", "shop/ranker", variant, str(bucket))]
        for detail in [((DETAIL_LABELS[family], name),) for name in details.get(family, [])] or [()]
    }
    assert {key for key in samples if key[1]} == expected
    assert {samples[key] for key in expected} == {0.0}


def test_heartbeat_and_start_are_exact():
    text = text_of(Tallies())
    assert scraped(text).total(COLLECTOR.heartbeat) == 1_700_000_099.5
    assert scraped(text).total(COLLECTOR.started) == 1_700_000_000.25


def test_counts_stand_in_their_bucket():
    tallies = Tallies()
    tallies.know(catalogue_of([RANKER]))
    tallies.of(RANKER).add("v8", EXPOSURES, user=USER)
    tallies.of(RANKER).add("v8", Measure(Family.OUTCOME_VALUE, "purchase"), user=USER, amount=2.5)
    scrape = scraped(text_of(tallies))
    bucket = str(RANKER.assignment.bucket(USER))
    assert scrape.by(COLLECTOR.metrics[Family.EXPOSURES], "variant", "bucket") == {("v8", bucket): 1}
    assert scrape.by(COLLECTOR.metrics[Family.OUTCOME_VALUE], "variant", "bucket", "outcome") == {
        ("v8", bucket, "purchase"): 2.5
    }


def test_a_forgotten_experiment_leaves_no_series():
    tallies = Tallies()
    tallies.know(catalogue_of([RANKER]))
    tallies.know(catalogue_of([]))
    assert "ranker" not in text_of(tallies)
