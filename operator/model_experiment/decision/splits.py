"""Which split is meant now: of a step of the ramp, the full one, that of a shadow experiment, or a promotion."""

from model_experiment.assignment import Assignment, Share, assign
from model_experiment.decision.observation import Experiment
from model_experiment.decision.state import State


def split_of(experiment: Experiment, modulus: int, *, stage: int | None = None) -> Assignment:
    """The split of a stage: of a step of the ramp, or after the last of them the full one that the spec asks for.

    A shadow experiment has no split: the champion serves everybody.
    """
    if experiment.spec.is_shadow:
        return Assignment(modulus, (Share(experiment.spec.champion.name, modulus),))
    ramp = experiment.spec.ramp
    return assign(
        modulus=modulus,
        champion=experiment.spec.champion.name,
        challengers={challenger.name: challenger.percent for challenger in experiment.spec.challengers},
        reached=ramp[stage].percent if stage is not None and stage < len(ramp) else None,
        holdout=experiment.spec.targeting.holdout_percent,
    )


def split_now(experiment: Experiment, state: State) -> Assignment | None:
    """The split that users meet, or will meet next."""
    return split_of(experiment, state.assignment.modulus, stage=state.stage) if state.assignment else None


def promotion_of(assignment: Assignment, challenger: str) -> Assignment:
    """Everything to the challenger, in the same order and with the same sum."""
    shares = tuple(
        Share(share.variant, assignment.modulus if share.variant == challenger else 0) for share in assignment.shares
    )
    return Assignment(assignment.modulus, shares)
