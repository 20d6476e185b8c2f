"""Published cases of evidence that holds at every look, and of the split."""

import math

import numpy as np

from model_experiment.statistics.sequential import beta_binomial, e_values, rate_ratio
from model_experiment.statistics.sequential.anytime_t import AnytimeT
from model_experiment.statistics.sequential.normal_mixture import NormalMixture, OneSidedNormalMixture
from model_experiment.statistics.trust import sample_ratio


def normal_mixture(given):
    return mixed(given, NormalMixture)


def one_sided_normal_mixture(given):
    return mixed(given, OneSidedNormalMixture)


def mixed(given, kind):
    mixture = kind.tuned_at(given["v_opt"], alpha=given["alpha_opt"])
    root = math.sqrt(given["v"])
    return {
        "rho": mixture.rho,
        "log_mixture": mixture.log_e_value(given["s"] / root, given["v"]),
        "bound": mixture.multiplier(given["v"], alpha=given["alpha"]) * root,
    }


def msprt(given):
    z, variance = given["diff"] / math.sqrt(given["var_diff"]), given["var_diff"]
    return e_values.e_value(NormalMixture(rho=given["tau"] ** -2).log_e_value(z, 1 / variance))


def anytime_t_interval(given):
    freedom = given["n"] - given["coefficients"]
    reach = AnytimeT(given["g"]).multiplier(given["n"], degrees_of_freedom=freedom, alpha=given["alpha"])
    radius = reach * given["std_error"]
    return [given["estimate"] - radius, given["estimate"] + radius]


def anytime_t_p(given):
    freedom = given["n"] - given["coefficients"]
    log_e = AnytimeT(given["g"]).log_e_value(given["t"], given["n"], degrees_of_freedom=freedom)
    return {"p_value": e_values.anytime_p_value(log_e)}


def beta_binomial_two_sided(given):
    return beta_mixed(given, beta_binomial.log_e_value, tuning_alpha=given["alpha_opt"])


def beta_binomial_one_sided(given):
    return beta_mixed(given, beta_binomial.log_e_value_above, tuning_alpha=2 * given["alpha_opt"])


def beta_mixed(given, evidence, *, tuning_alpha):
    numbers = {"g": given["g"], "h": given["h"]}
    planned = given["v_opt"] / (given["g"] * given["h"])
    concentration = beta_binomial.tuned_concentration(planned, alpha=tuning_alpha)
    successes, failures, share = beta_binomial.as_trials(given["s"], given["v"], **numbers)
    return {
        "log_mixture": evidence(successes, failures, share=share, concentration=concentration),
        "bound": beta_binomial.bound(
            given["v"], **numbers, concentration=concentration, alpha=given["alpha"], evidence=evidence
        ),
    }


def bernoulli(given):
    concentration = beta_binomial.tuned_concentration(given["t_opt"], alpha=given.get("alpha_opt", 0.05))
    limits = beta_binomial.confidence_sequence(
        given["successes"], given["trials"], alpha=given["alpha"], concentration=concentration
    ).single
    return [limits.low, limits.high]


def log_rate_ratio(given):
    counts = {
        "champion": given["count_control"],
        "challenger": given["count_treatment"],
        "share": given["traffic_share_treatment"],
        "concentration": given["dirichlet_concentration"],
    }
    limits = rate_ratio.confidence_sequence(**counts, alpha=given["alpha"]).single
    return {
        "p_value_unclipped": np.exp(-rate_ratio.log_e_value(**counts)),
        "log_rate_ratio_ci": [limits.low, limits.high],
    }


def log_marginals(given):
    planned, other = sample_ratio.log_marginals(given["batches"], weights=given["null"], prior=given["dirichlet_alpha"])
    return {"log_m0": planned.tolist(), "log_m1": other.tolist()}


def sequential_sample_ratio(given):
    split = {"weights": given["null"], "concentration": given["dirichlet_concentration"]}
    if "counts" in given:
        return {"p_value_unclipped": np.exp(-sample_ratio.log_e_value(given["counts"], **split))}
    log_e = sample_ratio.log_e_value(np.cumsum(given["rows"], axis=0), **split)
    return {"p_value": e_values.anytime_p_value(log_e.max()), "bayes_factor": np.exp(log_e[-1])}


def chi_square(given):
    return {"p_value": sample_ratio.chi_square_test(given["observed"], weights=given["weights"]).single.p_value}


ADAPTERS = {
    "anytime_log_rate_ratio_cs": log_rate_ratio,
    "anytime_t_ci": anytime_t_interval,
    "anytime_t_p": anytime_t_p,
    "bernoulli_confidence_sequence": bernoulli,
    "beta_binomial_mixture_one_sided": beta_binomial_one_sided,
    "beta_binomial_mixture_two_sided": beta_binomial_two_sided,
    "msprt_likelihood_ratio": msprt,
    "normal_mixture_one_sided": one_sided_normal_mixture,
    "normal_mixture_two_sided": normal_mixture,
    "sequential_multinomial_log_marginals": log_marginals,
    "sequential_multinomial_p": sequential_sample_ratio,
    "srm_chi_square": chi_square,
}
