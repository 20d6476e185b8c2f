"""What the comparator says about itself: everything that was not compared and belongs to no experiment."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from model_experiment.comparator.capacity import Capacity

_PREFIX = "model_experiment_comparator"


class Health:
    """The comparator's own numbers, in the registry of its metrics."""

    def __init__(self, registry: CollectorRegistry, capacity: Capacity) -> None:
        self.requests = Counter(
            f"{_PREFIX}_requests", "Mirrored requests that arrived, of all experiments.", registry=registry
        )
        self.unknown = Counter(
            f"{_PREFIX}_unknown_experiments",
            "Requests whose x-experiment names no shadow experiment, or that have none.",
            registry=registry,
        )
        self.refused = Counter(
            f"{_PREFIX}_refused_requests",
            "Requests whose head is too large, or no HTTP/1.1; they belong to no experiment.",
            registry=registry,
        )
        self.faults = Counter(f"{_PREFIX}_faults", "Pairs lost by a fault of the comparator.", registry=registry)
        self.lost_evidence = Counter(
            f"{_PREFIX}_lost_evidence",
            "Differing pairs whose evidence was not stored: more than a sample needs, or the database is away.",
            registry=registry,
        )
        self.catalogue_breaks = Counter(
            f"{_PREFIX}_catalogue_breaks",
            "Times that listing or watching the experiments failed and was begun again.",
            registry=registry,
        )
        pairs = Gauge(f"{_PREFIX}_pairs_under_way", "Pairs that are being asked now.", registry=registry)
        pairs.set_function(lambda: capacity.pairs)
        held = Gauge(f"{_PREFIX}_held_bytes", "Bytes of bodies held for pairs under way.", registry=registry)
        held.set_function(lambda: capacity.bytes)
