"""The value that stands where a number cannot.

It is no error: too little data is the normal state of a young experiment, and a rule can say what it means.
Bad *arguments* are errors (``ValueError``).

The trap it exists against: a p-value of 1 or a variance of 0 for what was never measured looks like a result.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """Says that there is no number, and why, in a clause that a person can read."""

    reason: str
