"""One tick of thought: (experiment, state, observation) -> what should be true next.

``TRANSITIONS`` (in ``phases``) is the whole life of an experiment. The machine names a *goal* for the route, never
commands: applying it twice changes nothing, and a missed tick loses nothing.

The trap: a crash between a take-back and the status write must not open the route again. Therefore the judgement is
written on the route itself, in the same write that parks it, and a route that carries one latches it.
"""

from dataclasses import dataclass, replace

from model_experiment.api.status import LONGEST_HISTORY, Phase, Verdict
from model_experiment.api.words import OnSuccess, Strategy
from model_experiment.assignment import Assignment
from model_experiment.decision.assessment import assess
from model_experiment.decision.counts import Counts
from model_experiment.decision.evidence import Evidence, with_comparison, with_harm, with_route
from model_experiment.decision.findings import Assessment
from model_experiment.decision.observation import Blind, Experiment, Observation
from model_experiment.decision.phases import ORDINARY, TRANSITIONS, Signal
from model_experiment.decision.plan import Plan
from model_experiment.decision.ramp import ramped, ramping, reached_stage
from model_experiment.decision.route import (
    Absent,
    Obstacle,
    Open,
    Parked,
    Route,
    Seen,
    is_abandoned,
    is_reached,
    next_step,
)
from model_experiment.decision.rules import (
    RULES,
    SAFETY,
    Judgement,
    Situation,
    blind,
    first_judgement,
    guardrail_breached,
)
from model_experiment.decision.shadow_rules import SHADOW_RULES, SHADOW_SAFETY
from model_experiment.decision.splits import promotion_of, split_now, split_of
from model_experiment.decision.state import FINAL, Entry, State, latched

_RULES = {Strategy.AB_TEST: RULES, Strategy.SHADOW: SHADOW_RULES}
_SAFETY = {Strategy.AB_TEST: SAFETY, Strategy.SHADOW: SHADOW_SAFETY}
NOT_STARTED = Judgement(Verdict.CONTINUE, "NotStarted", "the experiment has not started to count")
_WITH_TRAFFIC = frozenset({Phase.RAMPING, Phase.RUNNING, Phase.PROMOTING, Phase.PROMOTED})


@dataclass(frozen=True, slots=True)
class Decision:
    """What should be true next.

    ``step`` is the next route on the way to ``goal``. ``on_hold`` is why nothing can be started or judged now, or who
    lets the route wait, if so. ``stands`` says whether the experiment has a route of its own already.
    """

    state: State
    judgement: Judgement
    assessment: Assessment | None
    goal: Route
    step: Route
    on_hold: Obstacle | Blind | None
    stands: bool


def decide(experiment: Experiment, state: State, observation: Observation, plan: Plan) -> Decision:
    """The next state, the wanted route and what stands behind them; pure."""
    own = observation.routes.own
    obstacle = _obstacle(experiment, observation)
    on_hold = obstacle or observation.blind
    state = _observed(experiment, state, observation, plan)
    assessment = assess(plan, state.evidence, now=observation.now, compared_since=state.compared_since)
    judgement = _judgement(experiment, state, observation, assessment, plan)
    if judgement.verdict not in FINAL:
        state = ramped(experiment, state, own, on_hold=on_hold is not None, now=observation.now)
    before = _goal(experiment, state, own, on_hold)
    signal = _signal(experiment, state, observation, judgement=judgement, goal=before, obstacle=obstacle)
    after = _moved(experiment, state, signal, judgement, obstacle=obstacle, now=observation.now)
    goal = _goal(experiment, after, own, on_hold)
    step = _step(experiment, observation, after, goal)
    return Decision(
        state=_opened(after, step, observation.now),
        judgement=judgement,
        assessment=assessment,
        goal=goal,
        step=step,
        on_hold=obstacle or (own.problem if own else None) or observation.blind,
        stands=own is not None,
    )


def _step(experiment: Experiment, observation: Observation, state: State, goal: Route) -> Route:
    """The next step that a crash right after it cannot turn into another story.

    Everything goes to the challenger only after the status says so, or new users would seem to break the split. And a
    route that carries its judgement goes only after the status has it, or the judgement would be forgotten. A deletion
    does not wait for a silent gateway, which may be gone; a take-back does, because proxies may serve the old split.
    """
    own, recorded = observation.routes.own, observation.recorded
    if own is not None and experiment.deleting and is_abandoned(own):
        return Absent()
    if own is None or experiment.deleting:
        return next_step(own, goal)
    if own.taken_back and recorded not in (Phase.TAKING_BACK, Phase.CONCLUDED):
        return Parked(own.route.assignment)
    if isinstance(goal, Open) and state.phase is Phase.PROMOTING and recorded not in (Phase.PROMOTING, Phase.PROMOTED):
        return own.route
    return next_step(own, goal)


def _opened(state: State, step: Route, now: float) -> State:
    """The state with the moments at which users first met the challenger, at all and in the full split."""
    if not isinstance(step, Open):
        return state
    full = step.assignment == state.assignment
    return replace(
        state,
        started=now if state.started is None else state.started,
        compared_since=now if full and state.compared_since is None else state.compared_since,
    )


def _observed(experiment: Experiment, state: State, observation: Observation, plan: Plan) -> State:
    """The state after the new counts, before any decision."""
    modulus = state.assignment.modulus if state.assignment else plan.modulus
    state = replace(state, assignment=split_of(experiment, modulus))
    state = replace(state, stage=reached_stage(experiment, state, observation.routes.own))
    split = _settled_split(experiment, state, observation.routes.own)
    if split is None:
        state = replace(state, evidence=replace(state.evidence, route=None))
    if not _has_traffic(state, observation.routes.own):
        return replace(state, blind_since=None)
    for counts in observation.counts:
        evidence = with_harm(plan, state.evidence, counts)
        if not experiment.spec.is_shadow:
            evidence = _with_users(plan, state, evidence, counts, own=observation.routes.own, split=split)
        state = replace(state, evidence=evidence)
    since = (state.blind_since or observation.now) if observation.blind else None
    return replace(state, blind_since=since)


def _with_users(
    plan: Plan, state: State, evidence: Evidence, counts: Counts, *, own: Seen | None, split: Assignment | None
) -> Evidence:
    """The evidence after a poll of an experiment that splits users: about the route and about what they did."""
    if split is not None:
        evidence = with_route(plan, evidence, counts, split)
    if state.compared_since is not None and _split_stands(state, own):
        evidence = with_comparison(plan, evidence, counts, since=state.compared_since)
    return evidence


def _settled_split(experiment: Experiment, state: State, own: Seen | None) -> Assignment | None:
    """The split that users should meet now, where it stands open and settled."""
    split = split_now(experiment, state)
    stands = state.judgement is None and split is not None and is_reached(own, Open(split))
    return split if stands else None


def _split_stands(state: State, own: Seen | None) -> bool:
    """Whether users meet the variants in the shares that were asked for; while a promotion goes on they do not."""
    return state.judgement is None and own is not None and own.route.assignment == state.assignment


def _judgement(
    experiment: Experiment,
    state: State,
    observation: Observation,
    assessment: Assessment | None,
    plan: Plan,
) -> Judgement:
    """A final judgement stays, except that harm overrides a promotion for as long as the challenger has traffic."""
    since = observation.now if state.blind_since is None else state.blind_since
    situation = Situation(
        experiment=experiment,
        assessment=assessment,
        blind=observation.blind,
        blind_seconds=observation.now - since,
        blindness_budget_seconds=plan.blindness_budget_seconds,
    )
    own = observation.routes.own
    if state.judgement is None and own is not None and own.taken_back:
        return latched(own.taken_back)
    if state.judgement is not None:
        harm = guardrail_breached(situation) if state.phase in _WITH_TRAFFIC else None
        return harm or state.judgement
    if state.phase is Phase.RUNNING:
        return first_judgement(_RULES[experiment.spec.strategy], situation) or NOT_STARTED
    if state.phase is Phase.RAMPING:
        return first_judgement((*SAFETY, blind), situation) or ramping(experiment, state)
    if _has_traffic(state, own) and (danger := first_judgement(_SAFETY[experiment.spec.strategy], situation)):
        return danger
    return NOT_STARTED


def _has_traffic(state: State, own: Seen | None) -> bool:
    """Whether users may meet the challenger: by what was decided, or by what stands."""
    return state.phase in _WITH_TRAFFIC or (own is not None and isinstance(own.route, Open))


def _signal(
    experiment: Experiment,
    state: State,
    observation: Observation,
    *,
    judgement: Judgement,
    goal: Route,
    obstacle: Obstacle | None,
) -> Signal:
    own = observation.routes.own
    new = judgement.verdict in FINAL and judgement != state.judgement
    match state.phase:
        case phase if new and phase not in (Phase.TAKING_BACK, Phase.CONCLUDED):
            taken_back = own is not None and own.taken_back
            return Signal.PROMOTE if _promotes(experiment, state, judgement) and not taken_back else Signal.END
        case Phase.PROMOTING | Phase.PROMOTED if observation.routes.adopted:
            return Signal.ADOPTED
        case Phase.TAKING_BACK if own is None:
            return Signal.RELEASED
        case _ if obstacle is not None:
            return Signal.OBSTACLE
        case Phase.PENDING:
            return Signal.CLEAR
        case Phase.STARTING | Phase.RAMPING if is_reached(own, goal) and isinstance(goal, Open):
            return Signal.ROUTE_STANDS if goal.assignment == state.assignment else Signal.RAMP_STANDS
        case Phase.PROMOTING if is_reached(own, goal) and isinstance(goal, Open):
            return Signal.ROUTE_STANDS
        case _:
            return Signal.NONE


def _promotes(experiment: Experiment, state: State, judgement: Judgement) -> bool:
    return (
        judgement.verdict is Verdict.PROMOTE
        and state.phase is Phase.RUNNING
        and experiment.spec.on_success is OnSuccess.PROMOTE
    )


def _moved(
    experiment: Experiment,
    state: State,
    signal: Signal,
    judgement: Judgement,
    *,
    obstacle: Obstacle | None,
    now: float,
) -> State:
    phase = TRANSITIONS.get((state.phase, signal), state.phase)
    if judgement.verdict in FINAL and judgement != state.judgement:
        state = replace(state, judgement=judgement)
    if phase is state.phase:
        return state
    reason, message = _why(experiment, phase, signal, judgement, obstacle)
    entry = Entry(now, phase, reason, message)
    ended = now if phase is Phase.CONCLUDED else state.ended
    history = (*state.history, entry)[-LONGEST_HISTORY:]
    return replace(state, phase=phase, ended=ended, history=history)


def _why(
    experiment: Experiment, phase: Phase, signal: Signal, judgement: Judgement, obstacle: Obstacle | None
) -> tuple[str, str]:
    """Reason and sentence of a transition."""
    if obstacle is not None and signal is Signal.OBSTACLE:
        return obstacle.reason, obstacle.message
    if signal in (Signal.PROMOTE, Signal.END):
        return judgement.reason, judgement.message
    if experiment.spec.is_shadow and phase is Phase.RUNNING:
        return "MirrorOpened", "requests are mirrored to the comparator; users meet the champion alone"
    return ORDINARY[phase]


def _goal(experiment: Experiment, state: State, own: Seen | None, on_hold: Obstacle | Blind | None) -> Route:
    """The route that should stand in a phase; an obstacle parks it, and blindness keeps it from opening."""
    split = split_now(experiment, state)
    if experiment.deleting or state.assignment is None or split is None:
        return Absent()
    match state.phase:
        case Phase.PENDING | Phase.TAKING_BACK | Phase.CONCLUDED:
            return Absent()
        case Phase.STARTING:
            return _held(split, own, on_hold)
        case Phase.RAMPING | Phase.RUNNING:
            return _held(split, own, on_hold if isinstance(on_hold, Obstacle) else None)
        case Phase.PROMOTING | Phase.PROMOTED:
            wanted = promotion_of(state.assignment, state.judgement.challenger if state.judgement else "")
            return _held(wanted, own, on_hold if isinstance(on_hold, Obstacle) else None)


def _held(assignment: Assignment, own: Seen | None, on_hold: Obstacle | Blind | None) -> Route:
    if on_hold is None:
        return Open(assignment)
    if isinstance(on_hold, Obstacle):
        return Parked(own.route.assignment) if own else Absent()
    return Parked(assignment)


def _obstacle(experiment: Experiment, observation: Observation) -> Obstacle | None:
    """What the user's route, or else the gateway's word about our own, puts in the way; the former of no release."""
    own, of_user = observation.routes.own, None if experiment.deleting else observation.routes.obstacle
    return of_user or (own.problem if own and own.settled else None)
