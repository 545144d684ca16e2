"""Campaigns: many independent jobs, here or on a Dask cluster, each of them done once.

A job is a plain function that can be imported (``module:function``) and arguments that JSON can hold; so is its result. Results
are stored as JSON under the hash of function and arguments, so whatever a job depends on has to be among them: a campaign that
was interrupted goes on where it stopped. A worker that dies costs the job it was at, which another one takes over.

Without ``SCHEDULER`` workers are processes of this machine; ``SCHEDULER=tcp://host:port`` sends the jobs to an existing cluster,
whose workers run in a checkout of the same sources. Nothing that is stored is a pickle; what Dask sends between its processes it
serialises as it likes, which is why only names, numbers and texts are handed to it, and one small function that calls by name.
"""

import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rich.progress import Progress

from sw import files
from sw.errors import PopbeatError

HOME = files.BUILD / "campaign"
TOPIC = "popbeat"
# What nextpnr takes for the largest of our designs.
JOB_BYTES = 1 << 29
PATIENCE = 30  # seconds for a cluster to answer and to have a worker
SAY_EVERY = 0.3  # seconds between two lines of one job


@dataclass(frozen=True, eq=False)
class Job:
    """A call of ``function`` (``module:function``) with keyword ``arguments``, all that its result depends on; ``label`` is what a
    person reads; ``aside``: keyword arguments that change nothing in the result, such as a folder."""

    function: str
    arguments: dict
    label: str
    aside: dict = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """SHA-256 of function and arguments."""
        return files.sha256(json.dumps([self.function, self.arguments], sort_keys=True).encode())


def workers(job_bytes: int = JOB_BYTES) -> int:
    """Jobs at once on this machine: as many as there are cores and memory, both as far as this process may use them;
    ``POPBEAT_WORKERS`` for fewer."""
    from dask.system import CPU_COUNT
    from distributed.system import MEMORY_LIMIT

    wanted = os.environ.get("POPBEAT_WORKERS", "") or str(CPU_COUNT)
    if not wanted.isdigit() or int(wanted) < 1:
        raise PopbeatError(f"POPBEAT_WORKERS={wanted}: a positive number is needed, or nothing")
    return max(1, min(int(wanted), CPU_COUNT, MEMORY_LIMIT // job_bytes))


def scheduler() -> str:
    """Address of the Dask cluster that jobs go to; nothing where they stay on this machine."""
    return os.environ.get("SCHEDULER", "")


@contextmanager
def _client(jobs: int, job_bytes: int) -> Iterator:
    # Imported here: it takes a second, and a campaign that is complete does without.
    import dask
    from distributed import Client, LocalCluster

    address = scheduler()
    if not address:
        count = min(jobs, workers(job_bytes))
        with (
            # Dask has memory given back at once, and then a training takes several times as long.
            dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}),
            LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                memory_limit=0,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                # Keys of this run alone: without them whoever has an account here could have the workers run what he likes.
                security=True,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    if address.startswith("tls://") and not dask.config.get("distributed.comm.tls.client.cert", None):
        # Told before a client is made: one that fails half-way blocks the next one when Python takes it away.
        raise PopbeatError(
            f"SCHEDULER={address} wants certificates; name them: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, __CLIENT__CERT and "
            "__CLIENT__KEY (docs/campaigns.md)"
        )
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise PopbeatError(f"no Dask scheduler answers at SCHEDULER={address}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise PopbeatError(
                f"the Dask cluster at SCHEDULER={address} has no worker: start some, in a checkout of popbeat"
            ) from None
        yield client


def executor() -> Callable[[str, dict], str]:
    """What a worker does: import the function, call it, and give its result as JSON. It travels as it is and not by its name, since
    Dask's scheduler reads what it hands on, and need not know popbeat."""

    def execute(function: str, arguments: dict) -> str:
        import importlib
        import json

        module, _, name = function.partition(":")
        return json.dumps(getattr(importlib.import_module(module), name)(**arguments))

    return execute


def demand(what: str, wanted: list[str], here: list[str]) -> None:
    """From within a job: refuse to work with other ``what`` (tools, inputs) than the campaign was begun with."""
    if wanted != here:
        raise PopbeatError(f"a worker has other {what} than the campaign: {', '.join(here)} instead of {', '.join(wanted)}")


_said: dict[str, float] = {}


def say(line: str) -> None:
    """From within a job: a line about how far it is, for the terminal that started the campaign. Too many of them are dropped; so
    is one from a call that is no job."""
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:
        return
    key, now = worker.get_current_task(), time.monotonic()
    if now - _said.get(key, 0) >= SAY_EVERY:
        _said[key] = now
        worker.log_event(TOPIC, {"job": key, "line": line})


def run(
    jobs: list[Job],
    bar: Progress,
    what: str,
    done: Callable[[int, dict], None] = lambda number, result: None,
    said: Callable[[int, str], None] = lambda number, line: None,
    job_bytes: int = JOB_BYTES,
    home: Path | None = None,
) -> list[dict]:
    """The results of ``jobs``, in their order. ``what`` names the campaign's line of ``bar``; ``done`` is told of each job's result
    as it comes, ``said`` of what a job says. The first job that fails ends the campaign with its error; what was done before is
    kept."""
    home = home or HOME
    results: dict[int, dict] = {}
    line = bar.add_task(what, total=len(jobs))

    def finish(number: int, result: dict) -> None:
        results[number] = result
        bar.update(line, advance=1, description=f"{what}: {jobs[number].label}")
        done(number, result)

    numbers: dict[str, list[int]] = {}
    for number, job in enumerate(jobs):
        numbers.setdefault(job.key, []).append(number)
    missing = []
    for same in numbers.values():
        job, path = jobs[same[0]], _path(jobs[same[0]], home)
        if path.is_file():
            stored = files.read_json(path, "campaign result")
            if stored.get("key") != job.key or "result" not in stored:
                raise PopbeatError(f"campaign result {path} is not that of its job; remove it, and it is made again")
            for number in same:
                finish(number, stored["result"])
        else:
            missing.append(job)
    if missing:
        with _client(len(missing), job_bytes) as client:
            _compute(client, missing, numbers, finish, said, home)
    return [results[number] for number in range(len(jobs))]


def _path(job: Job, home: Path) -> Path:
    return home / job.function.replace(":", ".") / f"{job.key}.json"


def _compute(client, missing: list[Job], numbers: dict[str, list[int]], finish: Callable, said: Callable, home: Path) -> None:
    from distributed import as_completed

    def heard(event) -> None:
        for number in numbers.get(event[1]["job"], ()):
            said(number, event[1]["line"])

    client.subscribe_topic(TOPIC, heard)
    jobs, waiting, under_way = {job.key: job for job in missing}, deque(missing), 0
    execute = executor()
    futures = as_completed()

    def hand_out() -> int:
        """Never more jobs than there are threads: Dask would share them out beforehand, and its stealing leaves workers idle."""
        count = min(len(waiting), max(1, sum(client.nthreads().values())) - under_way)
        for job in [waiting.popleft() for _ in range(count)]:
            futures.add(client.submit(execute, job.function, job.arguments | job.aside, key=job.key, pure=False))
        return max(count, 0)

    under_way += hand_out()
    for future in futures:
        job = jobs[future.key]
        result = json.loads(_result(future, job))
        files.write_json(_path(job, home), {"key": job.key, "function": job.function, "label": job.label, "result": result})
        for number in numbers[job.key]:
            finish(number, result)
        future.release()
        under_way -= 1
        under_way += hand_out()


def _result(future, job: Job) -> str:
    from distributed import KilledWorker

    try:
        return future.result()
    except PopbeatError as error:
        raise PopbeatError(f"{job.label}: {error}") from None
    except KilledWorker as error:
        raise PopbeatError(f"{job.label}: every worker that took it died, the last one {error.last_worker.address}") from None
    except ModuleNotFoundError as error:
        way_out = "start workers in a checkout of popbeat, by python -m dask worker (docs/campaigns.md)"
        raise PopbeatError(f"{job.label}: a worker can't import it ({error}): {way_out}") from None
