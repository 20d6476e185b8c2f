"""Which user meets which variant: the one function that Envoy, the collector and applications share.

Envoy picks a weighted cluster with ``hash % total_weight``, where the hash is xxHash64 (seed 0) of the user's
header value. So the total weight of an experiment is its salt: each experiment takes its own prime *modulus*, and
two experiments with different moduli are independent (Chinese remainder theorem). Nothing is stored and no header is
added: anyone who knows the modulus and the weights can say where a user belongs.

The trap: another total reshuffles everybody, and so does another order. Weights always sum to the modulus, the
challenger stands first and the champion last, so growing the challenger only ever adds users to it.
"""

from dataclasses import dataclass
from itertools import accumulate

import xxhash

SMALLEST_MODULUS = 100_003
LARGEST_MODULUS = 999_983
BUCKETS = 100


@dataclass(frozen=True, slots=True)
class Share:
    """The integer weight of one variant, out of the experiment's modulus."""

    variant: str
    weight: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who meets what: shares in the order of the route, summing to a prime modulus.

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
        """The variant that a user meets: the interval in which ``xxh64(user) % modulus`` falls."""
        position = user_hash(user) % self.modulus
        ends = accumulate(share.weight for share in self.shares)
        return next(share.variant for share, end in zip(self.shares, ends, strict=True) if position < end)

    def bucket(self, user: str) -> int:
        """The user's bucket, 0 to 99, the same in every variant and independent of which one it is."""
        return user_hash(user) // self.modulus % BUCKETS

    def weight(self, variant: str) -> int:
        """The weight of a named variant; 0 for one that takes no part."""
        return sum(share.weight for share in self.shares if share.variant == variant)


def user_hash(user: str) -> int:
    """xxHash64 with seed 0 of the header's bytes, as Envoy computes it."""
    return xxhash.xxh64_intdigest(user.encode(), seed=0)


def assign(*, modulus: int, champion: str, challenger: str, percent: int) -> Assignment:
    """The split that gives a challenger ``percent`` of the users, rounded to one part in ``modulus``."""
    weight = (modulus * percent + 50) // 100
    return Assignment(modulus, (Share(challenger, weight), Share(champion, modulus - weight)))


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
