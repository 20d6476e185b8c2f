"""Sizes, power and factors of plans."""

import numpy as np

from model_experiment.statistics.effects import means as mean_effects
from model_experiment.statistics.planning import inflation, means, midway, non_inferiority, proportions
from model_experiment.statistics.sequential.normal_mixture import NormalMixture
from model_experiment.statistics.summaries.moments import Moments
from model_experiment.statistics.tails import Sides


def sample_size_two_proportions(given):
    return proportions.required_per_variant(given["p1"], given["p2"], alpha=given["alpha"], power=given["power"])


def sample_size_two_proportions_grid(given):
    baselines, rises = np.array(given["baselines"])[:, np.newaxis], np.array(given["relative_mdes"])
    needed = proportions.required_per_variant(
        baselines, baselines * (1 + rises), alpha=given["alpha"], power=given["power"]
    )
    return np.ceil(needed).tolist()


def power_two_proportions(given):
    return proportions.power_of(given["p1"], given["p2"], per_variant=given["n_per_arm"], alpha=given["alpha"])


def power_two_sample_t(given):
    return means.power_of(given["effect_size"], per_variant=given["n_per_arm"], alpha=given["alpha"])


def sample_size_two_sample_t(given):
    sides = {"two_sided": Sides.TWO, "one_sided": Sides.ONE}
    plan = {"alpha": given["alpha"], "power": given["power"]}
    return {
        name: means.required_per_variant(given["effect_size"], sides=count, **plan) for name, count in sides.items()
    }


def noninferiority_sizes(given):
    return non_inferiority.required_for_rates(
        challenger=given["p1"],
        champion=given["p2"],
        limit=given["delta0"],
        alpha=given["alpha_one_sided"],
        power=given["power"],
        share=1 / (1 + given["ratio"]),
    )


def noninferiority_sample_size_total(given):
    return noninferiority_sizes(given).total


def noninferiority_sample_size_by_arm(given):
    sizes = noninferiority_sizes(given)
    return [sizes.challenger, sizes.champion]


def design_effect(given):
    sizes, variations, correlations = ([given[name], given[f"{name}2"]] for name in ("mean_cluster", "cv", "icc"))
    return inflation.clusters(sizes, variation=variations, correlation=correlations).tolist()


def relative_error(given):
    old, new = (
        Moments.from_sums(given[name]["n"], total=given[name]["sum"], squares=given[name]["sum_sq"])
        for name in ("control", "treatment")
    )
    return mean_effects.relative_difference(champion=old, challenger=new).single.standard_error


def additional_sample_multiple(given):
    return midway.additional_multiple(
        relative_error(given), effect=given["relative_mde"], alpha=given["alpha"], power=given["power"]
    )


def additional_sample_multiple_anytime(given):
    return midway.additional_multiple_anytime(
        relative_error(given),
        effect=given["relative_mde"],
        sample_size=given["control"]["n"] + given["treatment"]["n"],
        mixture=NormalMixture.tuned_at(given["n_star"], alpha=given["alpha"]),
        alpha=given["alpha"],
        power=given["power"],
    )


ADAPTERS = {
    "additional_sample_multiple_for_power": additional_sample_multiple,
    "additional_sample_multiple_for_power_asympcs": additional_sample_multiple_anytime,
    "design_effect": design_effect,
    "noninferiority_sample_size_by_arm": noninferiority_sample_size_by_arm,
    "noninferiority_sample_size_total": noninferiority_sample_size_total,
    "power_two_proportions": power_two_proportions,
    "power_two_sample_t": power_two_sample_t,
    "sample_size_two_proportions": sample_size_two_proportions,
    "sample_size_two_proportions_grid": sample_size_two_proportions_grid,
    "sample_size_two_sample_t": sample_size_two_sample_t,
}
