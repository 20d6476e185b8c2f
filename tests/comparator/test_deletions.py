"""Which experiments are told as deleted: those that are, however the API server says so."""

from comparator.shadowing import manifest
from model_experiment.comparator.catalogue import shadowed_from
from model_experiment.comparator.deletions import Deletions
from model_experiment.process.following import Reader


def named(name, **changes):
    made = manifest()
    made["metadata"] |= {"name": name, "uid": f"uid-{name}"}
    made["spec"] |= changes
    return made


class Script:
    """An API server that follows a script: each line is a list and the changes after it."""

    def __init__(self, *lines):
        self.lines = iter(lines)

    async def all(self):
        listed, self.after = next(self.lines)
        return listed, "41"

    async def changes(self, _resource_version):
        for change in self.after:
            yield change


async def told(*lines):
    """What is told, in its order: names of catalogues, and what is deleted."""
    heard = []
    source = Deletions(Script(*lines), lambda uid: heard.append(f"deleted {uid}"))
    for _ in lines:
        async for found in Reader(shadowed_from, otherwise="is not compared").experiments(source):
            names = " ".join(each.name for each in found)
            heard.append(names)
    return heard


A, B = named("a"), named("b")
UNREADABLE = named("a", champion=None)


async def test_a_deletion_is_told_before_the_catalogue_without_it():
    assert await told(([A, B], [("DELETED", A)])) == ["a b", "deleted uid-a", "b"]


async def test_what_a_new_list_lacks_was_deleted_meanwhile():
    assert await told(([A, B], []), ([B], [])) == ["a b", "deleted uid-a", "b"]
    assert await told(([], [("ADDED", A)]), ([], [])) == ["", "a", "deleted uid-a", ""]


async def test_a_deletion_is_told_once():
    assert await told(([A], [("DELETED", A)]), ([], [])) == ["a", "deleted uid-a", "", ""]


async def test_another_experiment_of_the_same_name_is_another():
    again = named("a")
    again["metadata"]["uid"] = "uid-c"
    assert await told(([A], []), ([again], [])) == ["a", "deleted uid-a", "a"]


async def test_what_can_no_longer_be_read_is_not_deleted():
    assert await told(([A, B], [("MODIFIED", UNREADABLE)]), ([UNREADABLE, B], [])) == ["a b", "b", "b"]
