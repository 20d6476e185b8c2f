from copy import deepcopy

import pytest
from kubernetes.aio.client import ApiException
from prometheus_client import CollectorRegistry

from collector.test_catalogue import MANIFEST
from model_experiment.collector.health import Health
from model_experiment.collector.watching import follow


class End(BaseException):
    """The script of a test has no more lines; no ``except Exception`` may swallow it."""


class Script:
    """An API server that follows a script: each line is a list and the changes after it, or what breaks."""

    def __init__(self, *lines):
        self.lines = iter(lines)
        self.asked = []

    async def all(self):
        self.current = next(self.lines, None)
        if self.current is None:
            raise End
        if isinstance(self.current, Exception):
            raise self.current
        return self.current[0], "41"

    async def changes(self, resource_version):
        self.asked.append(resource_version)
        for change in self.current[1:]:
            if isinstance(change, Exception):
                raise change
            yield change


def experiment(name, *, uid="uid-1", assigned=True):
    manifest = deepcopy(MANIFEST)
    manifest["metadata"] |= {"name": name, "uid": uid}
    if not assigned:
        manifest["status"] = {}
    return manifest


def names(catalogue):
    return sorted(counted.name for counted in catalogue.by_label.values())


class Follower:
    """Follows a script to its end, and keeps what was delivered."""

    def __init__(self, *lines):
        self.script = Script(*lines)
        self.registry = CollectorRegistry()
        self.catalogues, self.pauses = [], []

    async def follow(self):
        with pytest.raises(End):
            await follow(self.script, self.catalogues.append, Health(self.registry), sleep=self.sleep)
        return [names(catalogue) for catalogue in self.catalogues]

    async def sleep(self, seconds):
        self.pauses.append(seconds)

    @property
    def breaks(self):
        return self.registry.get_sample_value("model_experiment_collector_catalogue_breaks_total")


A, B = experiment("a", uid="1"), experiment("b", uid="2")

STORIES = [
    pytest.param([([],)], [[]], id="an empty list is an answer"),
    pytest.param([([A, B],)], [["a", "b"]], id="a list names all"),
    pytest.param([([A], ("ADDED", B))], [["a"], ["a", "b"]], id="an experiment appears"),
    pytest.param([([A, B], ("DELETED", A))], [["a", "b"], ["b"]], id="an experiment is deleted"),
    pytest.param(
        [([experiment("a", assigned=False)], ("MODIFIED", experiment("a")))],
        [[], ["a"]],
        id="an experiment gets its assignment",
    ),
    pytest.param([([A], ("MODIFIED", A), ("MODIFIED", A))], [["a"]], id="nothing is told where nothing changed"),
    pytest.param([([A],), ([A],), ([B],)], [["a"], ["b"]], id="after the end of the changes comes a new list"),
    pytest.param(
        [([A], ApiException(status=410, reason="Gone")), ([B],)], [["a"], ["b"]], id="410 leads to a new list"
    ),
    pytest.param([OSError("refused"), ([A],)], [["a"]], id="an API server that is away is asked again"),
    pytest.param([([A], OSError("reset")), OSError("refused"), ([A],)], [["a"]], id="meanwhile nothing is forgotten"),
    pytest.param([([A, {**B, "status": {"assignment": 7}}],)], [["a"]], id="what cannot be read is not counted"),
    pytest.param([([{}],), ([A],)], [["a"]], id="an object without a name is a break, and the next list counts"),
    pytest.param(
        [([A], ("MODIFIED", {**A, "spec": {}}))], [["a"], []], id="what can no longer be read is no longer counted"
    ),
]


@pytest.mark.parametrize(("lines", "expected"), STORIES)
async def test_the_catalogue_follows_the_cluster(lines, expected):
    assert await Follower(*lines).follow() == expected


async def test_changes_are_asked_for_from_the_list_on():
    follower = Follower(([A],), ([A],))
    await follower.follow()
    assert follower.script.asked == ["41", "41"]
    assert follower.breaks == 0
    assert follower.pauses == []


async def test_pauses_grow_while_nothing_answers_and_start_anew_after_an_answer():
    refused = OSError("refused")
    follower = Follower(*[refused] * 8, ([A], refused), refused)
    await follower.follow()
    assert follower.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5, 1]
    assert follower.breaks == 10


async def test_a_break_is_told_in_one_line(caplog):
    await Follower(ApiException(status=403, reason="Forbidden")).follow()
    assert caplog.messages == [
        "following the experiments broke off and begins again: the API server answered 403 Forbidden"
    ]
