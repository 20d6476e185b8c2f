"""Means and ratios of users' values, from moments, and sequences on top of them."""

import math

import numpy as np

from model_experiment.statistics import tails
from model_experiment.statistics.effects import adjustment, means
from model_experiment.statistics.effects.effect import Effect
from model_experiment.statistics.sequential import e_values
from model_experiment.statistics.sequential.normal_mixture import NormalMixture
from model_experiment.statistics.summaries.moments import JointMoments, Moments


def moments(group):
    """Of a mean, or of a proportion, whose variance is by convention p (1 - p)."""
    n = group["n"]
    if "x" not in group:
        return Moments.from_sums(n, total=group["sum"], squares=group["sum_sq"])
    x = group["x"]
    return Moments(n=n, means=x / n, squares=(n - 1) * (x / n) * ((n - x) / n))


def compared(given, compare, of=moments):
    return compare(champion=of(given["control"]), challenger=of(given["treatment"])).single


def two_sided(compare):
    def adapter(given):
        effect = compared(given, compare)
        interval = effect.interval(tails.normal_quantile(given["alpha"] / 2))
        return {
            "diff": effect.value,
            "se": effect.standard_error,
            "ci_lower": interval.low,
            "ci_upper": interval.high,
            "p_value": effect.p_value,
        }

    return adapter


def one_sided(given):
    effect = compared(given, means.difference)
    low = effect.interval(tails.normal_quantile(given["alpha"])).low
    return {"diff": effect.value, "ci_lower": low, "p_value": effect.p_value_of_increase}


def from_moments(given):
    """The published difference is the first mean minus the second."""
    first, second = (
        Moments(n=given[f"n{i}"], means=given[f"mean{i}"], squares=(given[f"n{i}"] - 1) * given[f"sd{i}"] ** 2)
        for i in (1, 2)
    )
    found = {}
    for name, compare in (("pooled", means.pooled_difference), ("welch", means.difference)):
        effect = compare(champion=second, challenger=first).single
        found[f"t_{name}"] = effect.estimate / effect.standard_error
        found[f"df_{name}"] = effect.degrees_of_freedom
    return found


def accuracy(given):
    pattern = np.resize(given["then_alternating"], given["n"] - 1)
    found = Moments.of(np.append(given["first"], pattern))
    return {"mean": found.means, "sd": math.sqrt(found.variances)}


def ratio(given):
    def of(group):
        return JointMoments.from_sums(
            group["n"],
            totals=(group["num_sum"], group["den_sum"]),
            squares=(group["num_sum_sq"], group["den_sum_sq"]),
            cross=group["cross"],
        )

    effect = compared(given, means.ratio_difference, of)
    return {
        "diff": effect.value,
        "se": effect.standard_error,
        "p_value": effect.p_value,
        "unit_var": [of(given[group]).ratios().variances for group in ("control", "treatment")],
    }


def theta(given):
    one = JointMoments.of(given["post"], given["pre"])
    return adjustment.theta_of_users(champion=one, challenger=one)


def asymptotic(compare):
    """The sequence takes the estimate as normal: without degrees of freedom."""

    def adapter(given):
        found = compared(given, compare)
        effect = Effect(found.estimate, found.standard_error, scale=found.scale)
        mixture = NormalMixture.tuned_at(given["n_star"], alpha=given["alpha"])
        size = given["control"]["n"] + given["treatment"]["n"]
        interval = effect.interval(mixture.multiplier(size, alpha=given["alpha"]))
        return {
            "diff": effect.value,
            "ci_lower": interval.low,
            "ci_upper": interval.high,
            "p_value": e_values.anytime_p_value(mixture.log_e_value(effect.z, size)),
        }

    return adapter


ADAPTERS = {
    "asymptotic_cs_absolute": asymptotic(means.difference),
    "asymptotic_cs_relative": asymptotic(means.relative_difference),
    "cuped_theta": theta,
    "mean_sd_numerical_accuracy": accuracy,
    "ratio_delta_method_t": ratio,
    "t_test_from_moments": from_moments,
    "welch_t_absolute": two_sided(means.difference),
    "welch_t_one_sided_greater": one_sided,
    "welch_t_relative_delta": two_sided(means.relative_difference),
}
