"""The numbers of one experiment."""

from comparator.shadowing import experiment
from model_experiment.api.values import Duration
from model_experiment.comparator.answers import Answer, Failure, Reason
from model_experiment.comparator.catalogue import catalogue_of
from model_experiment.comparator.comparing import Compared
from model_experiment.comparator.copies import LeftOut
from model_experiment.comparator.counting import MOST_FIELDS, OTHER, Histogram, Tallies, Tally
from model_experiment.decision.counts import Family, Measure, PairResult


def answer(status=200, seconds=0.1):
    return Answer(status, b"{}", seconds)


def table(tally, variant, family, detail=""):
    return sum(tally.tables[variant, Measure(family, detail)])


def test_names_of_fields_that_answers_make_up_have_a_bound():
    tally = Tally(experiment())
    for number in range(MOST_FIELDS + 50):
        tally.count_pair(0, "v8", Compared(PairResult.DIFFERENT, fields=(f"answer/{number}",)))
    tally.count_pair(0, "v7", Compared(PairResult.DIFFERENT, fields=("answer/0", "answer/" + "x" * 500)))
    assert len(tally.fields) == MOST_FIELDS + 3
    assert tally.fields["v8", OTHER] == 50
    assert tally.fields["v7", "answer/0"] == tally.fields["v7", OTHER] == 1


def test_fields_without_a_series_of_their_own_count_once_a_pair():
    tally = Tally(experiment())
    for pair in range(5):
        fields = tuple(f"answer/{pair}/{number}" for number in range(MOST_FIELDS + 50))
        tally.count_pair(0, "v8", Compared(PairResult.DIFFERENT, fields=fields))
    assert tally.fields["v8", OTHER] == 5


def test_a_change_keeps_the_numbers_of_what_is_still_declared():
    tallies, before, after = Tallies(), experiment(), experiment(latencyMargin="10%")
    tallies.know(catalogue_of([before]))
    tallies.get(before).count_answers(3, {"v7": answer(), "v8": answer(500)})
    tallies.know(catalogue_of([after]))
    tally = tallies.get(after)
    assert table(tally, "v8", Family.RESPONSES, "ServerError") == 1
    assert table(tally, "v8", Family.SLOWER_PAIRS) == 0
    tallies.know(catalogue_of([]))
    assert tallies.get(after) is None


def test_an_answer_is_slow_beyond_the_limit_and_a_pair_beyond_the_margin():
    tally = Tally(experiment(latencyMargin="50%"))
    assert tally.experiment.latency_limits == (Duration("1s"),)
    for champion, challenger in ((0.1, 0.15), (0.1, 0.16), (1.0, 1.0), (1.1, 1.1)):
        tally.count_answers(0, {"v7": answer(seconds=champion), "v8": answer(seconds=challenger)})
    tally.count_answers(0, {"v7": answer(seconds=0.1), "v8": Failure(Reason.TIMEOUT, 2.0)})
    tally.count_answers(0, {"v7": Failure(Reason.TIMEOUT, 0.1), "v8": answer(seconds=0.2)})
    assert table(tally, "v8", Family.SLOWER_PAIRS) == 2
    assert table(tally, "v7", Family.SLOW_RESPONSES, "1s") == 1
    assert table(tally, "v8", Family.SLOW_RESPONSES, "1s") == 2


def test_every_variant_is_late_by_the_clock_of_the_challengers():
    tally = Tally(experiment(timeout="2s", championTimeout="5s"))
    for champion in (answer(seconds=1.9), answer(seconds=2.1), answer(404, 2.1), Failure(Reason.DROPPED, 2.1)):
        tally.count_answers(0, {"v7": champion, "v8": Failure(Reason.TIMEOUT, 2.0)})
    assert table(tally, "v7", Family.REQUESTS) == 3
    assert table(tally, "v7", Family.RESPONSES, "ServerError") == 2
    assert table(tally, "v7", Family.RESPONSES, "ClientError") == 0
    assert table(tally, "v8", Family.RESPONSES, "ServerError") == 4


def test_the_champion_is_slower_than_itself_where_its_second_answer_is():
    tally = Tally(experiment(latencyMargin="50%"))
    for second in (None, answer(seconds=0.15), answer(seconds=0.16), Failure(Reason.TIMEOUT, 2.0)):
        tally.count_answers(0, {"v7": answer(seconds=0.1), "v8": answer(seconds=0.1)}, again=second)
    assert table(tally, "v7", Family.SLOWER_PAIRS) == 2
    assert table(tally, "v7", Family.REQUESTS) == 4


def test_what_was_dropped_counts_as_not_comparable_and_what_was_not_meant_does_not():
    tally = Tally(experiment())
    for why in LeftOut:
        tally.leave_out(0, why)
    assert all(tally.left_out[why] == 1 for why in LeftOut)
    assert tally.reasons["v8", Reason.DROPPED] == 3
    assert table(tally, "v8", Family.PAIRS, PairResult.NOT_COMPARABLE) == 3
    assert table(tally, "v8", Family.REQUESTS) == 0


def test_a_histogram_counts_a_bound_below_itself():
    histogram = Histogram((0, 1))
    for value in (-1, 0, 0.5, 1, 1.5):
        histogram.add(value)
    assert (histogram.counts, histogram.sum) == ([2, 2, 1], 2.0)
