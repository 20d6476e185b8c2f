"""What the collector says about itself: everything that was not counted, and why.

A judgement that rests on these counts must know their losses; none of them is silent.
"""

from prometheus_client import CollectorRegistry, Counter

from model_experiment.collector.entries import Unattributed

_PREFIX = "model_experiment_collector"


class Health:
    """The collector's own counters, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.entries = Counter(
            f"{_PREFIX}_entries",
            "Entries of Envoy's access log that arrived, of all routes.",
            registry=registry,
        )
        self.unattributed = Counter(
            f"{_PREFIX}_unattributed_entries",
            "Entries of an experiment's route that count for no variant, and messages that cannot be read.",
            ["reason"],
            registry=registry,
        )
        self.mismatches = Counter(
            f"{_PREFIX}_assignment_mismatches",
            "Requests that met another variant than the status predicts. Some are normal while weights"
            " change; a steady rate means a proxy with an old route.",
            registry=registry,
        )
        self.dropped = Counter(
            f"{_PREFIX}_dropped_entries",
            "Requests whose user could not be written to the log, because the database was too slow or away.",
            registry=registry,
        )
        self.failed_writes = Counter(
            f"{_PREFIX}_failed_writes", "Batches that the database did not take at once.", registry=registry
        )
        self.catalogue_breaks = Counter(
            f"{_PREFIX}_catalogue_breaks",
            "Times that listing or watching the experiments failed and was begun again.",
            registry=registry,
        )
        for reason in Unattributed:
            self.unattributed.labels(reason)
