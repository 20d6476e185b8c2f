"""A small numerical library: counts in, effects with their uncertainty and evidence out.

It knows nothing of experiments or Kubernetes, and it is pure: no clock, no randomness, no state between
calls.

===================== ================================================================================
``not_estimable``     the value that stands where a number cannot
``arguments``         what every routine asks of its arguments, in one wording
``tails``             normal and t tail areas in logarithms, and the way from one to the other
``effects``           an effect, its z, p-value and interval
``buckets``           ratios of users' totals with cluster-robust variance; over-dispersion
``e_values``          how evidence is read: threshold, anytime p-value
``mixture``           evidence and intervals that hold at every look (normal mixture)
``spending``          how much alpha may be gone at which information
``score_process``     the recursion behind group-sequential bounds
``group_sequential``  the bound of the next look, given the looks so far
``change_point``      is something wrong now? evidence with a false-alarm probability for the whole run
``sample_ratio``      did the split happen as asked? a check that may be made at every poll
``planning``          how many users are needed, and what can be seen with those there are
===================== ================================================================================

The trap: the unit of analysis. A user's requests are alike, so the error of a user-split comparison comes
from ``buckets`` and never from counts of requests.
"""
