"""What this process remembers of one experiment between ticks."""

from dataclasses import dataclass, field

from model_experiment.api.status import Phase
from model_experiment.decision.observation import Blind
from model_experiment.decision.state import Entry, State
from model_experiment.metrics.ledger import Ledger
from model_experiment.objects import Manifest

NOT_READ_YET = Blind("MetricsNotRead", "the metrics have not been read yet")


@dataclass(frozen=True, slots=True)
class Memory:
    """One experiment as this process knows it.

    ``evaluated`` is when metrics were last read (unix seconds), ``blind`` what came of it. ``gap_since`` is set after a
    restart or an outage: counts since then must be fetched from the past. ``status`` is what was last written,
    ``announced`` the last line of the history that was, and ``kept`` the phase and looks of the last checkpoint.
    """

    uid: str
    state: State
    ledger: Ledger = field(default_factory=Ledger)
    evaluated: float = 0.0
    blind: Blind | None = NOT_READ_YET
    gap_since: float | None = None
    status: Manifest | None = None
    status_written: float = 0.0
    announced: Entry | None = None
    kept: tuple[Phase, int] | None = None
    checkpoint_written: float = 0.0
