"""What must hold of a mirror on every mesh; each is a law that a test of one mesh asks for."""

import asyncio
import gzip
from contextlib import ExitStack, aclosing
from random import Random

import aiohttp
from scipy.stats import binom

from given.mirroring import COPIES, PAIRS, Users
from given.model_servers import ModelServer, digest, fail, introduce, serving, sha256
from given.unhappy_models import resetting, silent, taking

RATE = 80
WINDOW = 20
ROUNDS = 40
MODEL_SECONDS = 0.02
LARGEST_RATIO = 1.3
"""Of the 99th percentiles with and without a mirror, over all conditions: of a single one only 8 answers lie beyond."""

REPLAY = [{"method": "POST", "path": "/"}]
TEXT = Random(7).randbytes(300_000).hex().encode()  # 600 KB
BODIES = [(b'{"a": 1}', {}), (TEXT, {}), (gzip.compress(TEXT), {"content-encoding": "gzip"})]
CHAMPION = {(200, "ranker-v7")}
USER = {"x-user-id": "anna"}
CHALLENGERS = {
    "fast": introduce("ranker-v8"),
    "5 s slow": taking(5, "ranker-v8"),
    "silent": silent,
    "resetting": resetting,
    "failing": fail(),
}


async def every_request_with_the_header_is_mirrored_and_no_other(url, compared, label):
    users, before = Users(url), compared.scrape().total(COPIES)
    await users.ask(200, rate=RATE, **USER, **{"x-experiment": "forged/one"})
    scrape = compared.until(PAIRS, 200, experiment=label, variant="v8")
    await users.ask(100, rate=RATE, **{"x-experiment": label})
    await users.ask(1, rate=RATE, **USER)
    after = compared.until(PAIRS, 201, experiment=label, variant="v8")
    assert users.saw == CHAMPION
    assert after.total(COPIES) - before == 201
    assert after.total("model_experiment_comparator_unknown_experiments_total") == 0
    assert scrape.by(PAIRS, "experiment") == {(label,): 200 + scrape.total(PAIRS, variant="v7")}


async def a_body_reaches_both_models_as_it_was_sent(url, compared, models, label):
    """Both say which body they read, so a pair is equal only where it was the same."""
    for model in models:
        model.answer = digest
    async with aiohttp.ClientSession() as session:
        for body, headers in BODIES:
            async with session.post(url, data=body, headers=USER | headers) as answer:
                said = (answer.status, (await answer.json())["sha256"])
            assert said == (200, sha256(gzip.decompress(body) if headers else body))
    compared.until(PAIRS, len(BODIES), experiment=label, variant="v8", result="Equal")


async def a_tenth_is_mirrored(url, compared):
    users, before, count = Users(url), compared.scrape().total(COPIES), 3000
    await users.ask(count, rate=250, **USER)
    least, most = (int(binom.ppf(tail, count, 0.1)) for tail in (0.0001, 0.9999))
    copies = compared.scrape().total(COPIES) - before
    assert users.saw == CHAMPION
    assert least <= copies <= most
    return f"{copies:g} copies of {count} requests at 10 %"


async def users_notice_nothing(url, compared, champion, challenger):
    """Whatever becomes of challenger and comparator; ``challenger`` is not started yet. Tells what it measured."""
    champion.answer = taking(MODEL_SECONDS)
    mirrored, plain = Users(url), Users(url)
    async with aclosing(hardships(compared, challenger)) as all_of_them:
        async for what in all_of_them:
            now = await waited(url, what)
            yield compare_waits(what, *now)
            for every, those in zip((mirrored, plain), now, strict=True):
                every.answers += those.answers
    yield compare_waits("all together", mirrored, plain)
    assert mirrored.slowest(1) <= LARGEST_RATIO * plain.slowest(1)


async def hardships(compared, challenger):
    """Brings each about, and names it."""
    with ExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, serving(challenger))  # it has a loop of its own
        for name, answer in CHALLENGERS.items():
            challenger.answer = answer
            yield f"challenger {name}"
    yield "challenger absent"
    compared.running.process.kill()
    yield "comparator killed"
    compared.running.process.start()
    compared.running.process.wait_ready()
    compared.running.process.pause()
    try:
        yield "comparator hung"
    finally:
        compared.running.process.resume()


async def waited(url, what):
    """Users with and without a mirror, in turns; both kinds met the champion alone."""
    mirrored, plain = Users(url), Users(url)
    for _ in range(ROUNDS):
        await plain.ask(WINDOW, rate=RATE)
        await mirrored.ask(WINDOW, rate=RATE, **USER)
    assert mirrored.saw == CHAMPION, what
    assert plain.saw == CHAMPION, what
    return mirrored, plain


def compare_waits(what, mirrored, plain):
    """How long both waited, in words."""
    ratios = (
        f"p{100 - percent} {mirrored.slowest(percent):.1f} ms mirrored, {plain.slowest(percent):.1f} ms not, ratio"
        f" {mirrored.slowest(percent) / plain.slowest(percent):.2f}"
        for percent in (50, 1)
    )
    return f"{what}: {'; '.join(ratios)}"


def absent_server(control_plane, namespace, name):
    host, port = control_plane.create_service(namespace, name)
    return ModelServer(name, host, port, introduce(name))
