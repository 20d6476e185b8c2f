"""Published cases of proportions, exact tests and divergence, as calls of the library."""

import math

from model_experiment.statistics import tails
from model_experiment.statistics.effects import exact, proportion_intervals, proportions
from model_experiment.statistics.effects.exact import EventRate
from model_experiment.statistics.shadow import divergence
from model_experiment.statistics.summaries.proportions import Proportion


def difference_unpooled(given):
    return shown(proportions.difference(**variants(given)).single, given["alpha"])


def difference_relative(given):
    effect = proportions.relative_difference(**variants(given)).single
    return {**shown(effect, given["alpha"]), "se": effect.standard_error}


def pooled_test(given):
    first, second = (Proportion(x, n) for x, n in zip(given["x"], given["n"], strict=True))
    effect = proportions.pooled_difference(champion=second, challenger=first).single
    return {"z": effect.z, "p_value": effect.p_value}


def wilson(given):
    return limits(proportion_intervals.wilson(Proportion(given["x"], given["n"]), alpha=given["alpha"]))


def clopper_pearson(given):
    return limits(proportion_intervals.clopper_pearson(Proportion(given["x"], given["n"]), alpha=given["alpha"]))


def newcombe(given):
    first, second = Proportion(given["x1"], given["n1"]), Proportion(given["x2"], given["n2"])
    return limits(proportion_intervals.newcombe(champion=second, challenger=first, alpha=given["alpha"]))


def fisher(given):
    test = fisher_of(given["table"])
    return {"p_greater": math.exp(test.log_p_increase.single), "p_two_sided": math.exp(test.log_p_two_sided.single)}


def fisher_two_sided(given):
    test = fisher_of(given["table"])
    return {"odds_ratio": test.ratio.single, "p_value": math.exp(test.log_p_two_sided.single)}


def poisson(given):
    first, second = (EventRate(given[f"count{side}"], given[f"exposure{side}"]) for side in (1, 2))
    return {"p_two_sided": math.exp(exact.poisson(champion=second, challenger=first).log_p_two_sided.single)}


def divergence_bounds(given):
    pairs = Proportion(given["disagreements"], given["n"])
    return divergence.upper_bound(pairs, alpha=given["alpha_one_sided"]).tolist()


def variants(given):
    return {
        "champion": Proportion(given["control"]["x"], given["control"]["n"]),
        "challenger": Proportion(given["treatment"]["x"], given["treatment"]["n"]),
    }


def shown(effect, alpha):
    interval = effect.interval(float(tails.normal_quantile(alpha / 2)))
    return {"diff": effect.value, "ci_lower": interval.low, "ci_upper": interval.high, "p_value": effect.p_value}


def limits(intervals):
    return [intervals.single.low, intervals.single.high]


def fisher_of(table):
    first, second = (Proportion(events, events + others) for events, others in table)
    return exact.fisher(champion=second, challenger=first)


ADAPTERS = {
    "prop_z_unpooled": difference_unpooled,
    "prop_z_pooled": pooled_test,
    "proportion_t_relative_delta": difference_relative,
    "wilson_ci": wilson,
    "clopper_pearson_ci": clopper_pearson,
    "newcombe_diff_ci": newcombe,
    "fisher_exact": fisher,
    "fisher_exact_two_sided": fisher_two_sided,
    "poisson_two_sample_exact_conditional": poisson,
    "divergence_upper_bound": divergence_bounds,
}
