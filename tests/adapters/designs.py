"""Group-sequential designs: spending, bounds for any information, classical shapes, what looking costs."""

import re

from model_experiment.statistics.planning import inflation
from model_experiment.statistics.sequential import classical_designs, group_sequential
from model_experiment.statistics.sequential.group_sequential import Look
from model_experiment.statistics.sequential.spending import HwangShihDeCani, OBrienFleming, Pocock, Power, spent
from model_experiment.statistics.tails import Sides


def obrien_fleming_bounds(given):
    return bounds(group_sequential.looks_at(given["information"], alpha=given["alpha"]))


def hwang_shih_decani_bounds(given):
    function = HwangShihDeCani(given["gamma"])
    return bounds(
        group_sequential.looks_at(given["information"], alpha=given["alpha"], spending=function, sides=Sides.ONE)
    )


def power_bounds(given):
    function = Power(given["rho"])
    looks = group_sequential.looks_at(given["information"], alpha=given["alpha"], spending=function, sides=Sides.ONE)
    return {"bounds": bounds(looks), "spent": [look.spent for look in looks]}


def obrien_fleming_spending(given):
    return spent(OBrienFleming(), given["t"], alpha=given["alpha"])


def pocock_spending(given):
    return spent(Pocock(), given["t"], alpha=given["alpha"])


def classical_obrien_fleming(given):
    return bounds(classical_designs.obrien_fleming(given["looks"], alpha=given["alpha"]))


def pocock_nominal_p(given):
    return group_sequential.nominal_p_values(classical_designs.pocock(given["looks"], alpha=given["alpha"]))[0]


def adjusted_alpha(given):
    sizes = given["cumulative_n"]
    planned = max(given["expected_final"], sizes[-1])
    informations = [group_sequential.information_fraction(size, planned=planned) for size in sizes]
    looks = group_sequential.looks_at(informations, alpha=given["alpha"], spending=named(given["spending"]))
    return group_sequential.nominal_p_values(looks)


def named(formula):
    """A spending function written like ``alpha*t^2``."""
    written = re.fullmatch(r"alpha\*t(?:(?:\^|\*\*)([\d.]+))?", formula.replace(" ", ""))
    return Power(float(written[1] or 1))


def pocock_inflation(given):
    """The published factors are Pocock's."""
    looks = classical_designs.pocock(given["looks"], alpha=given["alpha"])
    largest = inflation.sequential(looks, alpha=given["alpha"], power=given["power"])
    return {
        "max_n_ratio": largest,
        "expected_n_ratio_null": largest * group_sequential.expected_information(looks),
    }


def repeated_looks(given):
    informations = group_sequential.equal_steps(given["looks"])
    looks = [Look(information, spent=0.0, bound=given["critical_z"]) for information in informations]
    return sum(group_sequential.upper_crossings(looks))


def bounds(looks):
    return [look.bound for look in looks]


ADAPTERS = {
    "gst_adjusted_alpha_two_sided": adjusted_alpha,
    "gst_alpha_spending_hsd_one_sided": hwang_shih_decani_bounds,
    "gst_alpha_spending_power_one_sided": power_bounds,
    "gst_inflation_factor_two_sided": pocock_inflation,
    "gst_lan_demets_obf_two_sided": obrien_fleming_bounds,
    "gst_obf_two_sided": classical_obrien_fleming,
    "pocock_nominal_p": pocock_nominal_p,
    "repeated_look_error_upper_tail": repeated_looks,
    "spending_lan_demets_obf": obrien_fleming_spending,
    "spending_lan_demets_pocock": pocock_spending,
}
