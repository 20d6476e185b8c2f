"""Without a hash, on the real Envoy Gateway: every user where its position says, no client error in any transition."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import aiohttp
import pytest

from given.experiments import route_manifest
from given.proofs import ON_GATEWAY
from given.traffic import once_served
from model_experiment.api.words import By
from model_experiment.assignment import HOLDOUT, assign
from model_experiment.decision.positions import POSITIONS, position_of
from model_experiment.decision.route import Absent, Open, Parked
from model_experiment.decision.splits import promotion_of
from model_experiment.objects import CUSTOM_RESOURCE_DEFINITION
from model_experiment.routing.capabilities import is_new_envoy_gateway
from routing.test_on_gateway import walker_for

CHANCE = Random(7)
UUIDS = [str(uuid.UUID(int=CHANCE.getrandbits(128))) for _ in range(4000)]
NUMBERS = [f"user-{number:05d}" for number in range(4000)]


@dataclass(frozen=True)
class Way:
    """A way to give users to variants: what the spec says, who the users are, and what each of them sends."""

    assignment: dict[str, str]
    users: list[str]
    malformed: list[dict[str, str]]
    sent: Callable[[str], str] = lambda _user: ""

    @property
    def by(self) -> By:
        return By(self.assignment["by"])

    def headers(self, user: str) -> dict[str, str]:
        position = self.sent(user)
        return {"x-user-id": user, **({"x-position": position} if position else {})}

    def split(self, percent: int, *, reached: int | None = None, holdout: int = 0):
        modulus = POSITIONS[self.by]
        return assign(modulus=modulus, champion="v7", challengers={"v8": percent}, reached=reached, holdout=holdout)

    def expected(self, split, user: str) -> str:
        variant = split.at(position_of(self.by, modulus=split.modulus, user=user, sent=self.sent(user)))
        return "" if variant == HOLDOUT else variant


def position(user: str) -> str:
    number = int(user[-4:]) % 100
    return f"{number:02d}" if number % 2 else str(number)


def named(*users: str) -> list[dict[str, str]]:
    return [{"x-user-id": user} for user in users]


def at(*positions: str) -> list[dict[str, str]]:
    return [{"x-user-id": "anna", "x-position": position} for position in positions]


WAYS = [
    Way(
        {"by": "PositionHeader", "positionHeader": "x-position"},
        NUMBERS,
        [*at("100", "007", "-1", "7a", "1.5", ""), {"x-user-id": "anna"}, {"x-position": "7"}],
        position,
    ),
    Way({"by": "HexadecimalSuffix"}, UUIDS, named("", "7", "xyz", "0b-7g", "07-")),
    Way({"by": "DecimalSuffix"}, NUMBERS, named("", "7", "user-0a", "user-1-", "anna")),
]
EACH_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.by)


@dataclass
class Crowd:
    """Those who send requests in one way, and what they were answered."""

    url: str
    way: Way
    statuses: set[int] = field(default_factory=set)

    async def ask(self, requests: list[dict[str, str]]) -> list[str]:
        """The variant that answered each request."""
        gate = asyncio.Semaphore(32)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32)) as session:

            async def one(headers):
                async with gate, session.get(self.url, headers=headers) as answer:
                    self.statuses.add(answer.status)
                    return answer.headers.get("x-variant", "")

            return await asyncio.gather(*map(one, requests))

    async def ask_each(self) -> dict[str, str]:
        """The variant that answered each user."""
        users = self.way.users
        return dict(zip(users, await self.ask([self.way.headers(user) for user in users]), strict=True))

    async def flow(self, rate: float, stop: asyncio.Event) -> None:
        """Asks at a steady rate until told to stop."""
        pending, place = set(), 0
        while not stop.is_set():
            some = [self.way.headers(self.way.users[(place + step) % len(self.way.users)]) for step in range(20)]
            pending.add(asyncio.create_task(self.ask(some)))
            place += 20
            await asyncio.sleep(20 / rate)
        await asyncio.gather(*pending)


async def meets_every_prediction(walker, crowd):
    """A ramp to an even split: each user as predicted, none lost, malformed requests on the user's own route."""
    exposed = set()
    for reached in (1, 10, 50):
        split = crowd.way.split(50, reached=reached)
        await walker.walk_to(Open(split))
        seen = await crowd.ask_each()
        assert seen == {user: crowd.way.expected(split, user) for user in crowd.way.users}
        met = {user for user, variant in seen.items() if variant == "v8"}
        assert met
        assert exposed <= met
        exposed = met
        assert set(await crowd.ask(crowd.way.malformed)) == {""}


async def lives(walker, crowd):
    """A whole life under 200 requests a second."""
    half, stop = crowd.way.split(50, holdout=20), asyncio.Event()
    flow = asyncio.create_task(crowd.flow(200, stop))
    for goal in (Parked(half), Open(half), Parked(half), Open(half), Open(promotion_of(half, "v8")), Absent()):
        await walker.walk_to(goal)
        await asyncio.sleep(1)
        if isinstance(goal, Parked):
            assert set(await crowd.ask([crowd.way.headers(user) for user in crowd.way.users[:200]])) == {""}
    stop.set()
    await flow


@pytest.fixture
def url(control_plane, namespace, model_server):
    model_server("ranker-v7")
    model_server("ranker-v8")
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    return once_served(f"{control_plane.gateway}/{namespace}")


@EACH_WAY
@pytest.mark.proves("positions without a hash, by header and by suffix", on=ON_GATEWAY)
async def test_every_user_meets_the_variant_of_its_position(control_plane, namespace, url, way):
    crowd = Crowd(url, way)
    async with walker_for(control_plane, namespace, assignment=way.assignment) as walker:
        await meets_every_prediction(walker, crowd)
        await walker.walk_to(Absent())
    assert crowd.statuses == {200}


@EACH_WAY
async def test_a_whole_life_gives_no_client_error(control_plane, namespace, url, way):
    crowd = Crowd(url, way)
    changes = {"assignment": way.assignment, "targeting": {"holdoutPercent": 20}}
    async with walker_for(control_plane, namespace, **changes) as walker:
        await lives(walker, crowd)
    assert crowd.statuses == {200}


FOUR = [{"name": f"v{n}", "backendRef": {"name": f"ranker-v{n}", "port": 8000}, "percent": 10} for n in range(8, 12)]


@pytest.fixture
def three_more(model_server):
    return [model_server(challenger["backendRef"]["name"]) for challenger in FOUR[1:]]


@pytest.mark.usefixtures("three_more")
async def test_four_challengers_keep_their_users_on_a_ramp(control_plane, namespace, url):
    way = WAYS[1]
    percents, met = {challenger["name"]: challenger["percent"] for challenger in FOUR}, {}
    async with walker_for(control_plane, namespace, assignment=way.assignment, challengers=FOUR) as walker:
        for reached in (4, 20, 40):
            split = assign(modulus=256, champion="v7", challengers=percents, reached=reached)
            await walker.walk_to(Open(split))
            seen = await Crowd(url, way).ask_each()
            assert seen == {user: way.expected(split, user) for user in way.users}
            assert {user: seen[user] for user in met} == met
            met = {user: variant for user, variant in seen.items() if variant != "v7"}
        await walker.walk_to(Absent())


def test_the_definitions_of_this_envoy_gateway_say_that_it_hashes(control_plane):
    definitions = control_plane.api.call("GET", CUSTOM_RESOURCE_DEFINITION.path(namespace=None))
    assert is_new_envoy_gateway(definitions["items"])
