"""A small numerical library: counts in, effects with their uncertainty and evidence out.

It knows nothing of experiments or Kubernetes, and it is pure: no clock, no randomness, no state between calls. It
stands on numpy and ``scipy.special`` alone. Routines take numbers or arrays over experiments, which broadcast. Of one
experiment alone are its looks (``group_sequential``, ``classical_designs``, their costs in ``inflation``, ``advice``)
and the states ``Poll``, ``HarmEvidence`` and ``SampleRatioCheck``, beside which stand functions of arrays. What has no
number says why (``not_estimable``), and what makes no sense is a ``ValueError`` (``arguments``).

======================================= ==================================================================
``arguments``                           what every routine asks of its arguments, in one wording
``not_estimable``                       the value that stands where a number cannot
``tails``                               normal and t tail areas in logarithms, and the way between them
``stirling``                            what is left of log-gammas when their large parts have cancelled
``binomial_tails``                      binomial and beta tail areas in logarithms
``chi_square``                          chi-square tail areas in logarithms; independence of two ways to sort
``roots``                               where functions change their sign, for many at once

``summaries.buckets``                   totals of users' buckets
``summaries.moments``                   sizes, means and squares of users' values
``summaries.proportions``               events of trials
``summaries.histograms``                counts between fixed edges
``summaries.counters``                  what a counter counted although its process restarted

``effects.effect``                      an effect: its z, p-value and interval
``effects.ratios``                      ratios of users' totals with cluster-robust variance; over-dispersion
``effects.contrasts``                   sums of differences over windows, days or segments of the same users
``effects.adjustment``                  less noise, by what users did before the start (CUPED)
``effects.means``                       Welch's test, relative differences, ratios of two sums a user
``effects.proportions``                 z tests of two proportions
``effects.proportion_intervals``        Wilson, Clopper-Pearson, Newcombe
``effects.exact``                       Fisher's test, and the conditional test of two rates
``effects.quantiles``                   latency quantiles from histogram edges

``sequential.e_values``                 how evidence is read: threshold, anytime p-value
``sequential.normal_mixture``           evidence and intervals that hold at every look
``sequential.anytime_t``                the same where the error itself is uncertain
``sequential.beta_binomial``            the same for one proportion
``sequential.rate_ratio``               the same for the ratio of two rates, however they swing in common
``sequential.spending``                 how much alpha may be gone at which information
``sequential.score_process``            the recursion behind group-sequential bounds
``sequential.group_sequential``         the bound of the next look, given the looks so far
``sequential.classical_designs``        Pocock's and O'Brien & Fleming's own shapes

``guardrails.change_point``             is something wrong now? evidence with one false-alarm promise a run
``guardrails.ceiling``                  a hard limit beside it

``trust.sample_ratio``                  did the split happen as asked?
``trust.pre_period``                    were the variants alike before the start?
``trust.novelty``                       does the effect change while the experiment runs?
``trust.segments``                      who gains, who loses, and is that more than chance?
``trust.qualitative_interaction``       do segments really want different variants? (Gail & Simon)
``trust.simpson``                       do pooled users say something else than their segments?
``trust.carry_over``                    does an old experiment still show in a new one?
``trust.equivalence``                   shown to be alike, or not worse
``trust.multiplicity``                  many questions at once

``planning.deviates``                   the normal quantiles that every plan is made of
``planning.proportions``                users to tell two proportions apart, and what can be seen
``planning.means``                      the same for two means
``planning.relative``                   the same for a relative change of a mean or a ratio
``planning.non_inferiority``            the same to show "not worse"
``planning.inflation``                  what looks, clusters, shares and challengers cost
``planning.duration``                   days from present traffic
``planning.midway``                     how much longer, seen from the middle
``planning.guardrail_delay``            how soon a guardrail will alarm
``planning.advice``                     what can be done where the sample is too large

``shadow.divergence``                   do two models answer alike?
======================================= ==================================================================

The trap: the unit of analysis. A user's requests are alike, so the error of a user-split comparison comes from
``effects.ratios`` and never from counts of requests.
"""
