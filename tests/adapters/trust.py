"""Published results on several metrics, segments and Simpson's paradox."""

import numpy as np

from model_experiment.statistics.effects import proportions
from model_experiment.statistics.summaries.proportions import Proportion
from model_experiment.statistics.trust import multiplicity, qualitative_interaction, simpson


def multiple_testing(given):
    log_p, alpha = multiplicity.logarithms(given["p_values"]), given["alpha"]
    bonferroni, holm = multiplicity.bonferroni(log_p), multiplicity.holm(log_p)
    benjamini_hochberg = multiplicity.benjamini_hochberg(log_p)
    return {
        "bonferroni_rejections": multiplicity.rejected(bonferroni, alpha=alpha).sum(),
        "holm_rejections": multiplicity.rejected(holm, alpha=alpha).sum(),
        "bh_rejections": multiplicity.rejected(benjamini_hochberg, alpha=alpha).sum(),
        "bh_adjusted_first": np.exp(benjamini_hochberg).tolist(),
    }


def z_tests_with_bonferroni(given):
    champion = Proportion(given["control"]["x"], given["control"]["n"])
    effects = proportions.difference(champion=champion, challenger=Proportion(*np.transpose(given["treatments"])))
    comparisons = given["comparisons"]
    limits = effects.interval(multiplicity.critical(comparisons, alpha=given["alpha"]))
    return {
        "adj_p": np.exp(multiplicity.bonferroni(effects.log_p_values, planned=comparisons)).tolist(),
        "adj_ci": np.stack([limits.low, limits.high], axis=-1).tolist(),
    }


def gail_simon_critical_values(given):
    return qualitative_interaction.critical_value(given["segments"], alpha=given["alpha"]).tolist()


def mantel_haenszel(given):
    tables = np.asarray(given["tables_admit_reject_by_male_female"], dtype=float)
    men, women = (Proportion(tables[:, sex, 0], tables[:, sex].sum(axis=-1)) for sex in (0, 1))
    marginal = simpson.mantel_haenszel(champion=simpson.as_one_segment(women), challenger=simpson.as_one_segment(men))
    found = simpson.mantel_haenszel(champion=women, challenger=men)
    test = found.tests.single
    return {
        "marginal_or": marginal.odds_ratios.single,
        "mh_or": found.odds_ratios.single,
        "mh_chi2_cc": test.statistic,
        "mh_p": test.p_value,
    }


def simpson_reversal(given):
    a, b = (Proportion(*np.transpose([stratum[name] for stratum in given["strata"]])) for name in ("a", "b"))
    found = simpson.compare(champion=b, challenger=a)
    return {
        "pooled_diff_a_minus_b": found.pooled.single,
        "stratum_diffs": found.by_segment.values.tolist(),
        "mh_or": simpson.mantel_haenszel(champion=b, challenger=a).odds_ratios.single,
        "reversal": bool(found.is_reversed),
    }


ADAPTERS = {
    "multiple_testing": multiple_testing,
    "prop_z_unpooled_bonferroni": z_tests_with_bonferroni,
    "qualitative_interaction_critical_values": gail_simon_critical_values,
    "simpson_mantel_haenszel": mantel_haenszel,
    "simpson_reversal": simpson_reversal,
}
