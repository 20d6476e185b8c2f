"""Counts from Prometheus, through prometheus-api-client, behind hard limits.

For: the ``CountsSource`` of a running operator. Not for: what is asked (``queries``) or what an answer means
(``decoding``, ``judgement``). The trap: the client library blocks a thread, which cannot be cancelled. Reads
run in a private pool of threads; a read that is given up leaves its thread behind until the socket falls
silent, such threads are counted, and when all are lost the source says so at once instead of queueing behind
them.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from prometheus_api_client import PrometheusConnect

from model_experiment.errors import SettingsError
from model_experiment.metrics.decoding import result_of, snapshot_of, snapshots_of
from model_experiment.metrics.failures import FAILURES, sentence
from model_experiment.metrics.judgement import judge
from model_experiment.metrics.queries import experiment_query
from model_experiment.metrics.snapshot import Snapshot
from model_experiment.metrics.source import Answer, History, NotANumber, Question, SourceDown
from model_experiment.metrics.transport import BoundedAdapter, bounded_session

_TIMES_A_QUERY = 30  # 1,600 series at so many times are about 1.5 MB
_UNUSED = datetime.fromtimestamp(0, UTC)
_THREAD_SHARE = 0.9  # a thread's own deadline is a little earlier, so that only a stuck thread counts as lost

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long, how old and how much.

    ``deadline_seconds`` is for one read from call to answer, waiting for a thread included;
    ``stale_after_seconds`` should be three scrape intervals; ``threads`` is how many reads run at once. An
    experiment with one challenger and 8 measures has 1,600 series of about 250 bytes a collector.
    """

    deadline_seconds: float = 5.0
    stale_after_seconds: float = 45.0
    threads: int = 8
    largest_bytes: int = 16 * 2**20
    largest_series: int = 50_000


class PrometheusSource:
    """Implements ``CountsSource``; one session and one pool of threads for one Prometheus.

    Raises:
        SettingsError: if the URL is not a plain http or https address.
    """

    def __init__(self, url: str, *, limits: Limits) -> None:
        self._limits = limits
        self._client = _client(url, limits)
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="prometheus")
        self._given_up: set[Future[Any]] = set()

    @property
    def lost_threads(self) -> int:
        """How many threads still hang in reads that were given up: a health signal of the source."""
        self._given_up = {job for job in self._given_up if not job.done()}
        return len(self._given_up)

    async def read(self, question: Question, *, at: float) -> Answer:
        """What is known at a time (unix seconds)."""
        return await self._within_deadline(partial(self._answer, question, at))

    async def read_range(self, question: Question, *, start: float, end: float, step: float) -> History | SourceDown:
        """One answer for each time from ``start`` to ``end``; each query has the full deadline."""
        times = _grid(start, end, step)
        answers: list[tuple[float, Answer]] = []
        for first in range(0, len(times), _TIMES_A_QUERY):
            some = times[first : first + _TIMES_A_QUERY]
            found = await self._within_deadline(partial(self._answers, question, some))
            if isinstance(found, SourceDown):
                return found
            answers.extend(zip(some, found, strict=True))
        newest = await self.read(question, at=end)
        return newest if isinstance(newest, SourceDown) else History((*answers, (end, newest)))

    def close(self) -> None:
        """Lets go of the connections; threads that hang end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _within_deadline(self, work: Callable[[float], _Result]) -> _Result | SourceDown:
        seconds, threads = self._limits.deadline_seconds, self._limits.threads
        if (lost := self.lost_threads) >= threads:
            return SourceDown(f"Prometheus is not asked: {lost} of {threads} threads still wait for older answers")
        job = self._threads.submit(work, time.monotonic() + seconds * _THREAD_SHARE)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(job)
        except TimeoutError:
            return SourceDown(f"Prometheus gave no complete answer within {seconds:g} s")
        finally:
            if not job.done() and not job.cancel():
                self._given_up.add(job)

    def _answer(self, question: Question, at: float, deadline: float) -> Answer:
        query = _query(question)
        try:
            left = deadline - time.monotonic()
            when = {"time": f"{at:.3f}", "timeout": f"{left:.3f}"}
            envelope = self._client.custom_query(query, params=when, timeout=left)
            result, warnings = result_of(envelope, kind="vector")
            return self._judged(snapshot_of(result, question, at=at), question, warnings)
        except FAILURES as error:
            return SourceDown(sentence(error))

    def _answers(self, question: Question, times: Sequence[float], deadline: float) -> list[Answer] | SourceDown:
        query = _query(question)
        try:
            step = times[1] - times[0] if len(times) > 1 else 1.0
            left = deadline - time.monotonic()
            # The library rounds its own two times to seconds; what stands in params replaces them.
            when = {"start": f"{times[0]:.3f}", "end": f"{times[-1]:.3f}", "timeout": f"{left:.3f}"}
            envelope = self._client.custom_query_range(
                query, _UNUSED, _UNUSED, f"{step:.3f}", params=when, timeout=left
            )
            result, warnings = result_of(envelope, kind="matrix")
            snapshots = snapshots_of(result, question, times=times)
            return [self._judged(snapshot, question, warnings) for snapshot in snapshots]
        except FAILURES as error:
            return SourceDown(sentence(error))

    def _judged(self, snapshot: Snapshot | NotANumber, question: Question, warnings: Sequence[str]) -> Answer:
        if isinstance(snapshot, NotANumber):
            return snapshot
        stale_after = self._limits.stale_after_seconds
        return judge(snapshot, question, stale_after_seconds=stale_after, warnings=warnings)


def _query(question: Question) -> str:
    families = (measure.family for measure in question.measures)
    return experiment_query(question.uid, families, exporter=question.exporter)


def _grid(start: float, end: float, step: float) -> list[float]:
    """The times from ``start`` on that are before ``end``, in whole milliseconds, as Prometheus counts."""
    first, last, pace = round(start * 1000), round(end * 1000), max(1, math.ceil(step * 1000))
    return [time / 1000 for time in range(first, last, pace)]


def _client(url: str, limits: Limits) -> PrometheusConnect:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise SettingsError(f"the URL of Prometheus must be http(s)://host[:port][/path], found {url!r}")
    session = bounded_session()
    client = PrometheusConnect(url.rstrip("/"), session=session, method="POST")
    # The library mounts an adapter with retries of its own; none may stay.
    session.adapters.clear()
    adapter = BoundedAdapter(
        connections=limits.threads, largest_bytes=limits.largest_bytes, largest_series=limits.largest_series
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return client
