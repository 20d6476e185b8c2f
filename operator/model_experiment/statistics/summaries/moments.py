"""Count, mean and sum of squared deviations of users' values, which add without losing digits.

Two parts of n1 and n2 users, n = n1 + n2, add up by::

    mean = mean1 + (mean2 - mean1) n2/n
    M_yy = M_yy1 + M_yy2 + (mean2 - mean1)^2 n1 n2/n                            M_yy = sum (y - mean of y)^2
    M_xy = M_xy1 + M_xy2 + (x mean2 - x mean1) (y mean2 - y mean1) n1 n2/n

Chan, Golub & LeVeque 1983 (The American Statistician 37, 242-247); the variance is M_yy / (n - 1).

The trap: sum y^2 - (sum y)^2 / n. Where the mean is 10^8 standard deviations from 0 nothing of that difference is
left (for NIST StRD NumAcc4 it is negative). Sums therefore take a ``shift``, best any one of the values, and what
their rounding alone can explain is a spread of 0, from which no effect is estimated.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from model_experiment.statistics import arguments
from model_experiment.statistics.arguments import Floats

_EPSILON = float(np.finfo(np.float64).eps)

# Deviations this small relative to the mean are what rounding leaves of an exact 0.
_ROUNDING = 64 * _EPSILON


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Moments of one variable: arrays of one shape, an entry an experiment; ``a + b`` joins different users.

    ``n`` counts the users, ``means`` are theirs (NaN of nobody), ``squares`` is the sum of squared deviations, 0
    where all that deviates is rounding.

    >>> day = Moments.of([2.0, 4.0]) + Moments.of([9.0])
    >>> float(day.n), float(day.means), float(day.squares), float(day.variances)
    (3.0, 5.0, 26.0, 13.0)

    Raises:
        ValueError: unless ``n`` is whole and 0 or more, ``means`` finite, and ``squares`` 0 or more, and 0 where
            there are not two users.
    """

    n: Floats
    means: Floats
    squares: Floats

    def __init__(self, *, n: ArrayLike, means: ArrayLike, squares: ArrayLike) -> None:
        given = {"n": arguments.whole_counts("n", n), "means": arguments.numbers("means", means)}
        users, mean, square = arguments.together({**given, "squares": arguments.counts("squares", squares)})
        mean = arguments.finite("means", np.where(users > 0, mean, 0.0))
        square = np.where(np.sqrt(square) > _ROUNDING * np.abs(mean) * np.sqrt(users), square, 0.0)
        arguments.require("squares", square, (square == 0) | (users > 1), "be 0 where n is below 2")
        object.__setattr__(self, "n", users)
        object.__setattr__(self, "means", np.where(users > 0, mean, np.nan))
        object.__setattr__(self, "squares", square)

    @classmethod
    def of(cls, values: ArrayLike) -> "Moments":
        """The moments of ``values``, users on the last axis; in two passes, the rounding of the mean taken out.

        Raises:
            ValueError: unless there is an axis of users and every value is finite.
        """
        y = _of_users("values", values)
        n = y.shape[-1]
        with np.errstate(over="ignore", invalid="ignore"):  # what leaves the range of a float is refused as infinite
            mean = y.sum(axis=-1) / max(n, 1)
            deviations = y - mean[..., np.newaxis]
            left = deviations.sum(axis=-1) / max(n, 1)
            squares = np.square(deviations - left[..., np.newaxis]).sum(axis=-1)
            means = mean + left
        return cls(n=n, means=means, squares=squares)

    @classmethod
    def from_sums(cls, n: ArrayLike, *, total: ArrayLike, squares: ArrayLike, shift: ArrayLike = 0.0) -> "Moments":
        """The moments from sums over users: ``total`` of y - shift, ``squares`` of (y - shift)^2.

        Adding up n numbers rounds a sum by some sqrt(n) 2^-52 of it; a spread below that is taken as 0.

        >>> three = Moments.from_sums(3, total=15, squares=101)
        >>> float(three.means), float(three.variances)
        (5.0, 13.0)

        Raises:
            ValueError: where ``squares`` is below total^2 / n by more than rounding can explain.
        """
        users, sums = arguments.whole_counts("n", n), arguments.finite("total", total)
        of_squares, origin = arguments.counts("squares", squares), arguments.finite("shift", shift)
        users, sums, of_squares, origin = arguments.together(
            {"n": users, "total": sums, "squares": of_squares, "shift": origin}
        )
        mean = sums / np.maximum(users, 1.0)
        square, rounding = of_squares - sums * mean, 4 * _EPSILON * of_squares
        arguments.require("squares", of_squares, square >= -users * rounding, "be total^2 / n or more")
        square = np.where(square > np.sqrt(users) * rounding, square, 0.0)
        return cls(n=users, means=mean + origin, squares=square)

    def __add__(self, other: "Moments") -> "Moments":
        n, gap, weight = _apart(self, other)
        means = np.where(self.n > 0, self.means + gap * other.n / np.maximum(n, 1.0), other.means)
        return Moments(n=n, means=means, squares=self.squares + other.squares + np.square(gap) * weight)

    @property
    def variances(self) -> Floats:
        """The sample variances, by n - 1; NaN below two users."""
        return np.where(self.n > 1, self.squares / np.maximum(self.n - 1, 1.0), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class JointMoments:
    """Moments of two variables of the same users, and the sum ``products`` of the products of their deviations.

    ``a + b`` joins different users. For a ratio the first variable is the numerator, for an adjustment the outcome.

    >>> pair = JointMoments.of([1.0, 2.0, 6.0], [1.0, 3.0, 5.0])
    >>> float(pair.products), float(pair.combined(1.0, -1.0).squares)
    (10.0, 2.0)

    Raises:
        ValueError: unless all are of the same users, and ``products`` is possible beside both spreads:
            products^2 <= squares * squares.
    """

    first: Moments
    second: Moments
    products: Floats

    def __init__(self, *, first: Moments, second: Moments, products: ArrayLike) -> None:
        product = arguments.finite("products", products)
        if not np.array_equal(first.n, second.n) or product.shape != first.n.shape:
            found = f"found n {first.n}, {second.n} and products of shape {product.shape}"
            raise ValueError(f"first, second and products must be of the same users, {found}")
        largest = np.sqrt(first.squares) * np.sqrt(second.squares)
        possible = np.abs(product) <= _largest_deviation(first) * _largest_deviation(second)
        arguments.require("products", product, possible, "be possible beside the squares of both")
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "second", second)
        object.__setattr__(self, "products", np.asarray(np.clip(product, -largest, largest)))

    @classmethod
    def of(cls, first: ArrayLike, second: ArrayLike) -> "JointMoments":
        """The moments of two values a user, users on the last axis of both.

        Raises:
            ValueError: unless both are finite and of one shape with an axis of users.
        """
        y, x = _of_users("first", first), _of_users("second", second)
        if y.shape != x.shape:
            raise ValueError(f"first and second must be of one shape, found shapes {y.shape}, {x.shape}")
        one, other = Moments.of(y), Moments.of(x)
        deviations = y - one.means[..., np.newaxis], x - other.means[..., np.newaxis]
        return cls(first=one, second=other, products=np.einsum("...u,...u->...", *deviations))

    @classmethod
    def from_sums(
        cls,
        n: ArrayLike,
        *,
        totals: tuple[ArrayLike, ArrayLike],
        squares: tuple[ArrayLike, ArrayLike],
        cross: ArrayLike,
    ) -> "JointMoments":
        """The moments from sums over users: of each variable, of each one's squares, and ``cross`` of the products.

        Raises:
            ValueError: as ``Moments.from_sums``, and where ``cross`` is not possible beside the other sums.
        """
        named = {"n": n, "totals": totals[0], "totals of the second": totals[1], "cross": cross}
        users, y, x, products = arguments.together({name: arguments.finite(name, sums) for name, sums in named.items()})
        one = Moments.from_sums(users, total=y, squares=squares[0])
        other = Moments.from_sums(users, total=x, squares=squares[1])
        expected = np.where(users > 0, users * one.means * other.means, 0.0)
        return cls(first=one, second=other, products=products - expected)

    def __add__(self, other: "JointMoments") -> "JointMoments":
        (_, gap, weight), (_, other_gap, _) = _apart(self.first, other.first), _apart(self.second, other.second)
        products = self.products + other.products + gap * other_gap * weight
        return JointMoments(first=self.first + other.first, second=self.second + other.second, products=products)

    def combined(self, weight: ArrayLike, other_weight: ArrayLike) -> Moments:
        """The moments of weight * first + other_weight * second of each user.

        Where the two all but cancel, what rounding alone can leave is a spread of 0.
        """
        a, b = arguments.finite("weight", weight), arguments.finite("other_weight", other_weight)
        a, b, n = arguments.together({"weight": a, "other_weight": b, "users": self.first.n})
        apart = np.square(a) * self.first.squares + np.square(b) * self.second.squares
        squares = apart + 2 * a * b * self.products
        means = a * self.first.means + b * self.second.means
        return Moments(n=n, means=means, squares=np.where(squares > _ROUNDING * apart, squares, 0.0))

    def ratios(self) -> Moments:
        """The moments of users' R + (first - R second) / mean of second: their mean is R, the ratio of the sums.

        They are those of nobody where the second sums to 0, for then there is no ratio. Their variances / n are the
        delta method's variances of R.

        >>> ratio = JointMoments.of([1.0, 2.0, 6.0], [1.0, 3.0, 5.0]).ratios()
        >>> float(ratio.means), round(float(ratio.squares), 6)
        (1.0, 0.222222)
        """
        there = (self.first.n > 0) & (self.second.means != 0)
        per_user = 1 / np.where(there, self.second.means, np.inf)
        ratio = np.where(there, self.first.means, 0.0) * per_user
        residuals = self.combined(per_user, -ratio * per_user)
        return Moments(n=np.where(there, self.first.n, 0.0), means=ratio, squares=residuals.squares)


def _apart(one: Moments, other: Moments) -> tuple[Floats, Floats, Floats]:
    """n, how far the means are apart (0 where one is of nobody), and n1 n2 / n."""
    arguments.require_fit(left=one.n, right=other.n)
    n = one.n + other.n
    gap = np.where((one.n > 0) & (other.n > 0), other.means - one.means, 0.0)
    return n, gap, one.n * other.n / np.maximum(n, 1.0)


def _largest_deviation(moments: Moments) -> Floats:
    """The root of the squares, with all that rounding a sum of y^2 may have taken from them."""
    raw_squares = moments.squares + moments.n * np.square(np.where(moments.n > 0, moments.means, 0.0))
    return np.asarray(np.sqrt(moments.squares + 4 * _EPSILON * moments.n * raw_squares))


def _of_users(name: str, values: ArrayLike) -> Floats:
    array = arguments.finite(name, values)
    if array.ndim == 0:
        raise ValueError(f"{name} must have an axis of users, found one number")
    return array
