"""Whatever others write to a shared route: while the challenger serves there, it is watched and can be taken back."""

from copy import deepcopy

import pytest

from model_experiment.objects import HTTP_ROUTE, VIRTUAL_SERVICE
from routing.shared_lives import SharedLife, rule_for, rules_of

FOUND = [("ranker-v8", 0), ("ranker-v7", 100)]
FOR_OTHERS = [("ranker-v7", 1)]
MODULUS = 864_491


@pytest.fixture(params=[HTTP_ROUTE, VIRTUAL_SERVICE], ids=lambda kind: kind.name)
def life(request):
    return SharedLife(request.param)


def inserted(life, *backends):
    """Another rule, before the shared one."""
    return lambda route: rules_of(route).insert(0, rule_for(life.kind, *backends))


def unnamed(route):
    """The shared rule of a VirtualService loses its name; that of an HTTPRoute has none."""
    for rule in rules_of(route):
        rule.pop("name", None)


RULES = [
    pytest.param([("health", 1)], id="a rule of another service"),
    pytest.param([("ranker-v7", 1)], id="one of the champion"),
    pytest.param([("ranker-v8", 1)], id="one for those who try the challenger"),
    pytest.param([("ranker-v8", 100), ("ranker-v7", 0)], id="one that lists both, as the shared one does"),
]


@pytest.mark.parametrize("backends", RULES)
@pytest.mark.parametrize("change", [lambda _: None, unnamed], ids=["named", "unnamed"])
async def test_the_split_is_taken_back_where_it_is_whatever_rule_was_inserted_before_it(life, backends, change):
    await life.until_running()
    life.edit(inserted(life, *backends))
    life.edit(change)
    await life.tick()
    await life.tick()
    life.delete()
    await life.until_over()
    assert life.weights() == [backends, FOUND, FOR_OTHERS]


async def test_a_copy_of_the_open_rule_is_taken_back_too(life):
    await life.until_running()
    life.edit(lambda route: rules_of(route).append(deepcopy({**rules_of(route)[0], "name": "copy"})))
    life.delete()
    await life.until_over()
    copied = [("ranker-v8", 0), ("ranker-v7", MODULUS)]
    assert life.weights() in ([FOUND, FOR_OTHERS, copied], [copied, FOR_OTHERS, FOUND])
