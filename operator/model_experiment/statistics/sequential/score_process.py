"""The recursion behind group-sequential bounds: where the score is if no look has stopped yet.

The score S = z sqrt(t) of information t moves like Brownian motion. A look at t goes on where z lies between two
bounds, l and c. The density f among paths that go on is kept on a grid with the weights of Gauss and Legendre::

    f_k(y) = integral over l_{k-1} sqrt(t_{k-1}) < u < c_{k-1} sqrt(t_{k-1}) of f_{k-1}(u) phi((y - u) / s) / s du
    s      = sqrt(t_k - t_{k-1})

Armitage, McPherson & Rowe 1969; Jennison & Turnbull 2000, chapter 19 (with Simpson's rule, which needs 401 points
for 7 digits; f is so smooth that 64 points by Gauss and Legendre give 12).

The trap: the grid must be finer than the smallest step s, or the integral is wrong without a sign of it. So each
grid is made for the steps before and after it, and a step too small for the largest grid is rounded up (less than
0.001 of the information so far): more movement than there is can only make a bound stricter.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from model_experiment.statistics import tails
from model_experiment.statistics.arguments import Floats

FARTHEST = 8.5
"""As far as z is followed; what lies beyond, 1e-17, is nothing."""

_MOST_POINTS = 1024
_FEWEST_POINTS = 20
_POINTS_PER_DEVIATION = 3  # that fits into half of the grid's width
_SAME_BOUND = 1e-10
_MOST_STEPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Unstopped:
    """The score among paths that no look has stopped, under no effect.

    ``scores`` is the grid and ``masses`` the density on it times the weights, so sums are integrals.
    ``shortest_step`` is the least information that the grid lets it move on by.
    """

    information: float
    scores: Floats
    masses: Floats
    shortest_step: float

    def upper_exit(self, bound: float, *, information: float, drift: float = 0.0) -> float:
        """The chance of z >= ``bound`` at a look at ``information``, none having stopped before.

        ``drift`` is the expectation of z at information 1; likelihood ratios turn the null density into the
        other.
        """
        reached = self._moved_to(information)
        step = reached - self.information
        gap = bound * math.sqrt(reached) - self.scores - drift * step
        tilt = np.exp(drift * self.scores - drift**2 * self.information / 2)
        return float(np.sum(self.masses * tilt * special.ndtr(-gap / math.sqrt(step))))

    def bound(self, tail: float, *, information: float) -> float:
        """The bound above 0 that z reaches with probability ``tail`` at a look at ``information``.

        Newton's steps on the logarithm of the tail area, from the right. They never pass the root, because that
        logarithm is concave: what goes on is a normal density cut down to a convex region (Prekopa 1973).

        Raises:
            ValueError: where z is above 0 less often than that.
        """
        if (most := self.upper_exit(0.0, information=information)) <= tail:
            found = f"{tail:g} to spend where z is above 0 with probability {most:g}"
            raise ValueError(f"alpha must leave room for a bound above 0, found {found}")
        reached = self._moved_to(information)
        root, deviation = math.sqrt(reached), math.sqrt(reached - self.information)
        once, half = tails.normal_quantile([tail, tail / 2])
        place = min(once, (self._exceeded(tail / 2) + half * deviation) / root)  # neither lies left of the root
        for _ in range(_MOST_STEPS):
            distances = (place * root - self.scores) / deviation
            area = self.masses @ special.ndtr(-distances)
            slope = self.masses @ _normal_density(distances) * root / deviation
            step = math.log(area / tail) * area / slope
            place += step
            if abs(step) < _SAME_BOUND:
                break
        return float(place)

    def _exceeded(self, chance: float) -> float:
        """The last score of the grid that is reached or exceeded with more than ``chance``."""
        return float(self.scores[np.cumsum(self.masses[::-1])[::-1] > chance][-1])

    def after(self, lower: float, upper: float, *, information: float, following: float) -> "Unstopped":
        """What goes on after a look at ``information`` at which z lies between ``lower`` and ``upper``.

        Neither bound is farther from 0 than ``FARTHEST``. The next look is at ``following``.
        """
        reached = self._moved_to(information)
        middle, half = ((upper + sign * lower) / 2 * math.sqrt(reached) for sign in (1, -1))
        points = _points(half, min(reached - self.information, following - reached))
        nodes, weights = _gauss_legendre(points)
        scores = middle + half * nodes
        deviation = math.sqrt(reached - self.information)
        density = _normal_density((scores[:, np.newaxis] - self.scores) / deviation) @ self.masses / deviation
        shortest_step = (_POINTS_PER_DEVIATION * half / (points - _FEWEST_POINTS)) ** 2
        return Unstopped(reached, scores, density * weights * half, shortest_step)

    def _moved_to(self, information: float) -> float:
        """The information the next look is taken to have: as given, or the nearest that is resolved."""
        return max(information, self.information + self.shortest_step)


START = Unstopped(0.0, np.zeros(1), np.ones(1), 0.0)
"""Before the first look: all of it at 0."""


def _points(half_width: float, step: float) -> int:
    """As many points as the step needs, if possible; a multiple of 32, so that few rules are worked out."""
    wanted = half_width * _POINTS_PER_DEVIATION / math.sqrt(step) if step > 0 else math.inf
    return 32 * math.ceil(min(_FEWEST_POINTS + wanted, _MOST_POINTS) / 32)


@cache
def _gauss_legendre(points: int) -> tuple[Floats, Floats]:
    """Nodes between -1 and 1, rising, and weights: DLMF 3.5(v), the nodes by Newton's steps from the cosines.

    It is here because scipy.special's own imports scipy.linalg when it is called, for a tenth of a second.
    """
    nodes = -np.cos(math.pi * (np.arange(points) + 0.75) / (points + 0.5))
    for _ in range(4):
        value, before = special.eval_legendre(points, nodes), special.eval_legendre(points - 1, nodes)
        slope = points * (before - nodes * value) / (1 - nodes**2)
        nodes = nodes - value / slope
    return nodes, 2 / ((1 - nodes**2) * slope**2)


def _normal_density(z: Floats) -> Floats:
    return np.asarray(np.exp(-np.square(z) / 2) / math.sqrt(2 * math.pi))
