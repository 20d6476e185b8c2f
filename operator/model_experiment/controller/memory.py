"""What this process remembers of one experiment between ticks, and how a checkpoint keeps it.

The checkpoint lives in a ConfigMap that the experiment owns: too large for status, too precious for memory alone. It
is written rarely; what was counted since comes back from Prometheus. The trap: evidence and ledger belong together,
so they are stored in one text and either both come back or neither.
"""

import base64
import gzip
import json
from dataclasses import dataclass, field
from typing import Any

from model_experiment.api.status import Phase
from model_experiment.decision.evidence import Evidence, Harm, TakenLook
from model_experiment.decision.observation import Blind
from model_experiment.decision.state import Entry, State
from model_experiment.metrics.ledger import Ledger
from model_experiment.metrics.ledger_storage import from_json, to_json
from model_experiment.objects import Manifest
from model_experiment.statistics.effects.effect import Effect, Scale
from model_experiment.statistics.guardrails.change_point import HarmEvidence, RequestCounts
from model_experiment.statistics.sequential.group_sequential import Look
from model_experiment.statistics.trust.sample_ratio import SampleRatioCheck

NOT_READ_YET = Blind("MetricsNotRead", "the metrics have not been read yet")
KEY = "checkpoint.json.gz"


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


def to_checkpoint(ledger: Ledger, evidence: Evidence) -> str:
    """Ledger and evidence as the text that a ConfigMap keeps."""
    stored = {
        "ledger": to_json(ledger),
        "split": evidence.split.highest_log_e,
        "harm": [[*names, _stored_harm(harm)] for names, harm in evidence.harm.items()],
        "looks": {name: [_stored_look(taken) for taken in looks] for name, looks in evidence.looks.items()},
    }
    return base64.b64encode(gzip.compress(json.dumps(stored).encode(), mtime=0)).decode()


def from_checkpoint(text: str) -> tuple[Ledger, Evidence]:
    """What ``to_checkpoint`` wrote.

    Raises:
        ValueError: if the text is anything else.
    """
    try:
        stored = json.loads(gzip.decompress(base64.b64decode(text)))
        ledger = from_json(stored["ledger"])
        counts = ledger.totals() if ledger.incarnations else None
        return ledger, Evidence(
            counts=counts,
            compared=counts,
            harm={(challenger, guardrail): _harm(harm) for challenger, guardrail, harm in stored["harm"]},
            split=SampleRatioCheck(float(stored["split"])),
            looks={name: tuple(_look(taken) for taken in looks) for name, looks in stored["looks"].items()},
        )
    except (KeyError, TypeError, OSError, EOFError) as error:
        raise ValueError(f"a checkpoint must be what was written, found {text[:40]!r}: {error}") from error


def _stored_harm(harm: Harm) -> dict[str, Any]:
    return {
        "process": harm.process.to_storage(),
        "champion": [harm.champion.events, harm.champion.requests],
        "challenger": [harm.challenger.events, harm.challenger.requests],
        "breached": harm.breached,
    }


def _harm(stored: dict[str, Any]) -> Harm:
    return Harm(
        process=HarmEvidence.from_storage(stored["process"]),
        champion=RequestCounts(*stored["champion"]),
        challenger=RequestCounts(*stored["challenger"]),
        breached=bool(stored["breached"]),
    )


def _stored_look(taken: TakenLook) -> list[Any]:
    look, effect = taken.look, taken.effect
    return [
        [look.information, look.spent, look.bound],
        [effect.estimate, effect.standard_error, effect.degrees_of_freedom, effect.scale],
    ]


def _look(stored: list[Any]) -> TakenLook:
    (information, spent, bound), (estimate, error, freedom, scale) = stored
    return TakenLook(Look(information, spent, bound), Effect(estimate, error, freedom, Scale(scale)))
