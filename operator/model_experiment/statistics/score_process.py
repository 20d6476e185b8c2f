"""The recursion behind group-sequential bounds: where the score is if no look has stopped yet.

The score S = z sqrt(t) of information t moves like Brownian motion. A look at t stops where |S| >= c sqrt(t);
what has not stopped goes on. Its density f after a look is kept on a grid, with Simpson's weights::

    f_k(y) = integral over |u| < c_{k-1} sqrt(t_{k-1}) of f_{k-1}(u) phi((y - u) / sqrt(D)) / sqrt(D) du
    D = t_k - t_{k-1}

Armitage, McPherson & Rowe 1969; Jennison & Turnbull 2000, chapter 19.

The trap: the grid must be finer than a quarter of the smallest step sqrt(D), or the integral is wrong without
a sign of it. So each grid is made for the step that follows it, and a step too small for the largest grid is
rounded up (less than 0.002 of the information so far): more movement than there is can only make a bound
stricter.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from model_experiment.statistics.arguments import Floats

POINTS = 401
"""Grid points where nothing asks for more; bounds are then exact to 1e-6 at 14 equal looks."""

MOST_POINTS = 2001
"""Grid points for the smallest step that is still resolved."""

_STEPS_PER_DEVIATION = 4


@dataclass(frozen=True, slots=True, eq=False)
class Unstopped:
    """The score among paths that no look has stopped, under no effect.

    ``scores`` is the grid and ``masses`` the density on it times Simpson's weights, so sums are integrals.
    ``shortest_step`` is the least information that the grid lets it move on by.
    """

    information: float
    scores: Floats
    masses: Floats
    shortest_step: float

    def moved_to(self, information: float) -> float:
        """The information the next look is taken to have: as given, or the nearest that is resolved."""
        return max(information, self.information + self.shortest_step)

    def upper_exit(self, bound: float, *, information: float, drift: float = 0.0) -> float:
        """The chance of z >= ``bound`` at a look at ``information``, none having stopped before.

        ``drift`` is the expectation of z at information 1; likelihood ratios turn the null density into the
        other.
        """
        reached = self.moved_to(information)
        step = reached - self.information
        gap = bound * math.sqrt(reached) - self.scores - drift * step
        tilt = np.exp(drift * self.scores - drift**2 * self.information / 2)
        return float(np.sum(self.masses * tilt * special.ndtr(-gap / math.sqrt(step))))

    def after(self, bound: float, *, information: float, following: float) -> "Unstopped":
        """What goes on after a look at ``information`` with ``bound``; the next look is at ``following``."""
        reached = self.moved_to(information)
        edge = bound * math.sqrt(reached)
        points = _points(edge, following - reached)
        scores = np.linspace(-edge, edge, points)
        deviation = math.sqrt(reached - self.information)
        distances = (scores[:, np.newaxis] - self.scores) / deviation
        density = np.exp(-np.square(distances) / 2) @ self.masses / (deviation * math.sqrt(2 * math.pi))
        spacing = 2 * edge / (points - 1)
        return Unstopped(reached, scores, density * _simpson(points) * spacing, (_STEPS_PER_DEVIATION * spacing) ** 2)


START = Unstopped(0.0, np.zeros(1), np.ones(1), 0.0)
"""Before the first look: all of it at 0."""


def _points(edge: float, step: float) -> int:
    """An odd number of points, spaced by a quarter of the next step's deviation at most, if possible."""
    wanted = 2 * edge * _STEPS_PER_DEVIATION / math.sqrt(step) if step > 0 else math.inf
    return min(max(POINTS, 2 * math.ceil(min(wanted, MOST_POINTS) / 2) + 1), MOST_POINTS)


def _simpson(points: int) -> Floats:
    """Weights 1 4 2 4 ... 2 4 1 over 3, in units of the spacing."""
    weights = np.full(points, 2 / 3)
    weights[1::2] = 4 / 3
    weights[[0, -1]] = 1 / 3
    return weights
