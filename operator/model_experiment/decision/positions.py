"""Where a user stands: the position that an assignment gives to a variant, and how many positions there are.

By hash, every experiment has a prime number of positions of its own. Where the gateway cannot hash, a position is a
number that a trusted part of the edge sends along, or the end of the user's own name. These are few and the same for
all experiments, so two such experiments meet the same users; only the buckets of the statistics still follow the hash.
"""

import re
from typing import assert_never

from model_experiment.api.words import By
from model_experiment.assignment import modulus_for, user_hash

POSITIONS = {By.POSITION_HEADER: 100, By.DECIMAL_SUFFIX: 100, By.HEXADECIMAL_SUFFIX: 256}


def modulus_of(by: By, *, uid: str, taken: frozenset[int]) -> int:
    """How many positions an experiment has; by hash a prime that none of ``taken`` is."""
    return POSITIONS.get(by) or modulus_for(uid, taken=taken)


def position_of(by: By, *, modulus: int, user: str, sent: str) -> int | None:
    """The position of a user, where ``sent`` is what the position header says; None where there is none."""
    match by:
        case By.HASH:
            return user_hash(user) % modulus
        case By.POSITION_HEADER:
            return int(sent) if re.fullmatch("[0-9]{1,2}", sent) else None
        case By.HEXADECIMAL_SUFFIX:
            return int(user[-2:], 16) if re.fullmatch("[0-9a-fA-F]{2}", user[-2:]) else None
        case By.DECIMAL_SUFFIX:
            return int(user[-2:]) if re.fullmatch("[0-9]{2}", user[-2:]) else None
        case _:
            assert_never(by)
