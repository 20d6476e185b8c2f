"""Cases of counters that restart."""

from model_experiment.statistics.summaries import counters


def increase(given):
    return {"delta": counters.increase(given["samples"], born_in_window=given["born_in_window"])}


ADAPTERS = {"counter_delta_ledger": increase}
