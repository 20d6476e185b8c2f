"""The whole life of an experiment as a table: what moves it from phase to phase. What is not here cannot happen."""

from enum import StrEnum

from model_experiment.api.status import Phase


class Signal(StrEnum):
    """What can move an experiment from one phase to another."""

    NONE = "nothing new"
    CLEAR = "nothing stands in the way"
    OBSTACLE = "something stands in the way of the route"
    RAMP_STANDS = "the gateway serves a step of the ramp"
    ROUTE_STANDS = "the gateway serves the goal"
    PROMOTE = "the challenger shall get all traffic"
    END = "the champion shall get all traffic"
    ADOPTED = "the user's own route serves the challenger"
    RELEASED = "the experiment's route is gone"


TRANSITIONS: dict[tuple[Phase, Signal], Phase] = {
    (Phase.PENDING, Signal.CLEAR): Phase.STARTING,
    (Phase.PENDING, Signal.END): Phase.TAKING_BACK,  # a crash lost that the route was opened, and it did harm
    (Phase.STARTING, Signal.RAMP_STANDS): Phase.RAMPING,
    (Phase.STARTING, Signal.ROUTE_STANDS): Phase.RUNNING,
    (Phase.STARTING, Signal.END): Phase.TAKING_BACK,  # a take-back was latched before a crash
    (Phase.RAMPING, Signal.ROUTE_STANDS): Phase.RUNNING,
    (Phase.RAMPING, Signal.OBSTACLE): Phase.STARTING,  # parked; it goes on with the same step
    (Phase.RAMPING, Signal.END): Phase.TAKING_BACK,
    (Phase.RUNNING, Signal.OBSTACLE): Phase.STARTING,  # parked until the obstacle is gone
    (Phase.RUNNING, Signal.PROMOTE): Phase.PROMOTING,
    (Phase.RUNNING, Signal.END): Phase.TAKING_BACK,
    (Phase.PROMOTING, Signal.ROUTE_STANDS): Phase.PROMOTED,
    (Phase.PROMOTING, Signal.END): Phase.TAKING_BACK,
    (Phase.PROMOTING, Signal.ADOPTED): Phase.TAKING_BACK,
    (Phase.PROMOTED, Signal.OBSTACLE): Phase.PROMOTING,
    (Phase.PROMOTED, Signal.ADOPTED): Phase.TAKING_BACK,  # the user's route does it alone now
    (Phase.PROMOTED, Signal.END): Phase.TAKING_BACK,
    (Phase.TAKING_BACK, Signal.RELEASED): Phase.CONCLUDED,
}


ORDINARY: dict[Phase, tuple[str, str]] = {
    Phase.STARTING: ("RoutePrepared", "the experiment's route is made ready; the champion serves everybody"),
    Phase.RAMPING: (
        "RampStarted",
        "the first users meet the challenger; guardrails watch, objectives do not count yet",
    ),
    Phase.RUNNING: ("TrafficShifted", "the split is open: users meet the variants"),
    Phase.PROMOTED: ("Promoted", "the challenger serves everybody who carries the assignment header"),
    Phase.TAKING_BACK: ("PromotionAdopted", "the user's own route serves the challenger now"),
    Phase.CONCLUDED: ("RouteReleased", "the experiment's route is gone; the user's own route serves everybody"),
}
