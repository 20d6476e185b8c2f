"""Which user meets which variant: the one function that Envoy, the collector and applications share.

Envoy picks a weighted cluster with ``hash % total_weight``, where the hash is xxHash64 (seed 0) of the user's
header value. So the total weight of an experiment is its salt: each experiment takes its own prime *modulus*, and
two experiments with different moduli are independent (Chinese remainder theorem). Nothing is stored and no header is
added: anyone who knows the modulus and the weights can say where a user belongs.

The trap: another total reshuffles everybody, and so does another order. Weights always sum to the modulus. Each
challenger grows inside a slot of its own, so that growing only ever adds users to it, and no user ever goes from one
challenger to another. A lone challenger stands first and the champion last; two stand around the champion; with more,
the champion stands between them again and again. Whoever is held out stands behind them all, in a share that depends
on nothing but its percent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

import xxhash

SMALLEST_MODULUS = 100_003
LARGEST_MODULUS = 999_983
BUCKETS = 100
PERCENT = 100
HOLDOUT = "(holdout)"
"""The share of users who never enter. No variant can have this name: it has none of the letters of a DNS label."""


@dataclass(frozen=True, slots=True)
class Share:
    """The integer weight of one variant, out of the experiment's modulus."""

    variant: str
    weight: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who meets what: shares in the order of the route, summing to the number of positions.

    By hash that number is the experiment's prime.

    Raises:
        ValueError: if a weight is negative or the weights do not sum to the modulus.
    """

    modulus: int
    shares: tuple[Share, ...]

    def __post_init__(self) -> None:
        total = sum(share.weight for share in self.shares)
        if total != self.modulus or any(share.weight < 0 for share in self.shares):
            raise ValueError(f"weights must be 0 or more and sum to {self.modulus}, found {self.shares}")

    def variant(self, user: str) -> str:
        """The variant that a user meets where Envoy hashes: the interval in which ``xxh64(user) % modulus`` falls."""
        return self.at(user_hash(user) % self.modulus)

    def at(self, position: int) -> str:
        """The variant that users at a position meet, 0 to below the modulus."""
        ends = accumulate(share.weight for share in self.shares)
        return next(share.variant for share, end in zip(self.shares, ends, strict=True) if position < end)

    @property
    def intervals(self) -> tuple[tuple[Share, range], ...]:
        """Each share with its positions, from 0 to below the modulus."""
        ends = [0, *accumulate(share.weight for share in self.shares)]
        return tuple(zip(self.shares, map(range, ends, ends[1:]), strict=False))

    def bucket(self, user: str) -> int:
        """The user's bucket, 0 to 99, the same in every variant and independent of which one it is."""
        return user_hash(user) // self.modulus % BUCKETS

    def weight(self, variant: str) -> int:
        """The weight of a named variant; 0 for one that takes no part."""
        return sum(share.weight for share in self.shares if share.variant == variant)


def user_hash(user: str) -> int:
    """xxHash64 with seed 0 of the header's bytes, as Envoy computes it."""
    return xxhash.xxh64_intdigest(user.encode(), seed=0)


def assign(
    *, modulus: int, champion: str, challengers: Mapping[str, int], reached: int | None = None, holdout: int = 0
) -> Assignment:
    """The split that gives each challenger its percent of the users who enter, to one part in ``modulus``.

    ``reached`` is the percent of users who meet any challenger by now, on the way to the full split; each challenger
    has its part of it, rounded up so that few positions still give it some. Growing it moves users from the champion to
    challengers alone. ``holdout`` is the percent of all users who do not enter, whatever becomes of the others.

    Raises:
        ValueError: unless challengers are given, leave the champion a percent, ``reached`` is no more than theirs, and
            ``holdout`` leaves each challenger one position at least.
    """
    whole = sum(challengers.values())
    if not challengers or min(challengers.values()) < 1 or whole >= PERCENT:
        raise ValueError(f"challengers must have 1 percent or more, below 100 in all, found {dict(challengers)}")
    if reached is not None and not 0 <= reached <= whole:
        raise ValueError(f"reached must lie between 0 and the {whole} percent of the full split, found {reached}")
    if not 0 <= holdout < PERCENT:
        raise ValueError(f"holdout must lie between 0 and 99 percent, found {holdout}")
    outside = modulus * holdout // PERCENT
    full = _largest_remainders(modulus, challengers, holdout=holdout)
    if min(full.values()) == 0:
        raise ValueError(f"each challenger must have a position of its own, found {full} of {modulus}")
    weights = full if reached is None else {name: -(-full[name] * reached // whole) for name in challengers}
    entering = _laid_out(champion, weights, _slots(modulus - outside, full))
    held_out = [Share(HOLDOUT, outside)] if holdout else []
    return Assignment(modulus, (*entering, *held_out))


def _largest_remainders(modulus: int, challengers: Mapping[str, int], *, holdout: int) -> dict[str, int]:
    """The weights of the full split: rounded down, and the parts left over given where most was cut off."""
    percents = [*challengers.values(), PERCENT - sum(challengers.values())]
    exact = [modulus * (PERCENT - holdout) * percent for percent in percents]
    weights, cut = zip(*(divmod(each, PERCENT**2) for each in exact), strict=True)
    left = modulus - modulus * holdout // PERCENT - sum(weights)
    lucky = sorted(range(len(percents)), key=lambda place: -cut[place])[:left]
    return {name: weights[place] + (place in lucky) for place, name in enumerate(challengers)}


def _slots(entering: int, full: Mapping[str, int]) -> list[int]:
    """The widths of the challengers' slots, in proportion to the full split: none ever outgrows its own."""
    whole = sum(full.values())
    ends = [entering * end // whole for end in accumulate(full.values())]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _laid_out(champion: str, weights: Mapping[str, int], slots: list[int]) -> Iterator[Share]:
    """Challengers from the left of their slots, the last of several from the right; the champion fills the rest."""
    *before, (last, weight) = weights.items()
    filler = 0
    for place, ((name, own), slot) in enumerate(zip(before, slots, strict=False)):
        if place:
            yield Share(champion, filler)  # also where nothing is left, so that the order never changes
        yield Share(name, own)
        filler = slot - own
    rest = filler + slots[-1] - weight
    yield from (Share(champion, rest), Share(last, weight)) if before else (Share(last, weight), Share(champion, rest))


def modulus_for(uid: str, *, taken: frozenset[int] = frozenset()) -> int:
    """The prime that belongs to an experiment's UID: the first free one at or after a place that its hash names.

    ``taken`` are the moduli of other experiments; sharing one would give both the same users.
    """
    span = LARGEST_MODULUS - SMALLEST_MODULUS + 1
    start = user_hash(uid) % span
    return next(
        candidate
        for step in range(span)
        if _is_prime(candidate := SMALLEST_MODULUS + (start + step) % span) and candidate not in taken
    )


def _is_prime(number: int) -> bool:
    """Trial division; the numbers are below a million, so at most some 500 divisions."""
    return number % 2 == 1 and all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2))
