"""Campaigns: a worker that is killed loses nothing, an interrupted campaign goes on where it stopped, results are plain JSON."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask
import distributed
import pytest
import trustme

from sw import campaign, cli, files
from sw.errors import PopbeatError

HERE = "tests.sw.test_campaign"


def square(n: int, folder: str, seconds: float = 0.0) -> dict:
    """A job: leaves a mark that it began, says its worker's number half way, and squares; 3 only with permission."""
    with open(Path(folder) / "begun", "a") as file:
        file.write(f"{n}\n")
    time.sleep(seconds / 2)
    campaign.say(str(os.getpid()))
    time.sleep(seconds / 2)
    if n == 3 and (Path(folder) / "refuse").exists():
        raise PopbeatError("three is refused")
    return {"square": n * n, "pid": os.getpid()}


def scheduler(folder: str) -> dict:
    """A job: where its worker's scheduler listens."""
    return {"address": distributed.get_worker().scheduler.address}


def jobs(folder: Path, numbers, seconds: float = 0.0) -> list[campaign.Job]:
    aside = {"folder": str(folder), "seconds": seconds}
    return [campaign.Job(f"{HERE}:square", {"n": n}, f"square of {n}", aside) for n in numbers]


def begun(folder: Path) -> list[int]:
    return sorted(map(int, (folder / "begun").read_text().split()))


@contextlib.contextmanager
def cluster(folder: Path, workers: int, more: tuple[str, ...] = ()):
    """A scheduler and workers of their own on loopback, as on other machines: its address and their processes. The scheduler is
    none of ours: it can't import popbeat."""
    told = folder / "scheduler.json"
    common = ["--scheduler-file", str(told), "--no-dashboard", *more]
    commands = [["scheduler", "--host", "127.0.0.1", "--port", "0", *common]]
    commands += [["worker", "--no-nanny", "--nthreads", "1", *common]] * workers
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    with contextlib.ExitStack() as stack:
        processes = []
        for command in commands:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                cwd=folder if command[0] == "scheduler" else files.ROOT,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        deadline = time.monotonic() + 30
        while not told.exists():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)
        yield json.loads(told.read_text())["address"], processes[1:]


def test_a_killed_worker_loses_nothing(tmp_path, monkeypatch):
    numbers = list(range(1, 11))
    with cluster(tmp_path, 2) as (address, workers), cli.progress() as bar:
        monkeypatch.setenv("SCHEDULER", address)
        finished, killed = [], []

        def said(number: int, line: str) -> None:
            # In the middle of a job, once both have worked.
            if not killed and len({r["pid"] for r in finished}) == 2:
                killed.append((int(line), numbers[number]))
                os.kill(int(line), signal.SIGKILL)

        results = campaign.run(
            jobs(tmp_path, numbers, seconds=0.6),
            bar,
            "squares",
            done=lambda number, result: finished.append(result),
            said=said,
            home=tmp_path / "store",
        )
        (pid, victim), *_ = killed
        assert pid in [worker.pid for worker in workers]
        assert [worker.wait(10) for worker in workers if worker.pid == pid] == [-signal.SIGKILL]
    assert [r["square"] for r in results] == [n * n for n in numbers]
    assert len(finished) == len(numbers)
    # It cost the job that was under way, and no other.
    assert begun(tmp_path) == sorted([*numbers, victim])
    stored = [json.loads(path.read_text()) for path in (tmp_path / "store").rglob("*.json")]
    assert sorted(s["result"]["square"] for s in stored) == [n * n for n in numbers]


def test_a_cluster_with_certificates(tmp_path, monkeypatch):
    """As docs/campaigns.md says it: scheduler, workers and this program show certificates of one authority; without, no answer."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    more = ["--protocol", "tls", "--tls-ca-file", str(tmp_path / "ca.pem")]
    more += ["--tls-cert", str(tmp_path / "own.pem"), "--tls-key", str(tmp_path / "own.pem")]
    with cluster(tmp_path, 1, tuple(more)) as (address, _), cli.progress() as bar:
        assert address.startswith("tls://")
        monkeypatch.setenv("SCHEDULER", address)
        with pytest.raises(PopbeatError, match="wants certificates"):
            campaign.run(jobs(tmp_path, [4]), bar, "squares", home=tmp_path / "store")
        own = {f"distributed.comm.tls.client.{part}": str(tmp_path / "own.pem") for part in ("cert", "key")}
        with dask.config.set(own | {"distributed.comm.tls.ca-file": str(tmp_path / "ca.pem")}):
            results = campaign.run(jobs(tmp_path, [4]), bar, "squares", home=tmp_path / "store")
    assert results[0]["square"] == 16


def test_workers_of_this_machine_take_jobs_of_this_program_alone(tmp_path, monkeypatch):
    """Other users of the machine reach the port, too: who has not this run's keys is not heard."""
    monkeypatch.delenv("SCHEDULER", raising=False)
    job = campaign.Job(f"{HERE}:scheduler", {"folder": str(tmp_path)}, "where")
    with cli.progress() as bar:
        (result,) = campaign.run([job], bar, "where", home=tmp_path / "store")
    assert result["address"].startswith("tls://")


def test_resumes_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.delenv("SCHEDULER", raising=False)
    monkeypatch.setenv("POPBEAT_WORKERS", "1")
    store = tmp_path / "store"
    (tmp_path / "refuse").touch()
    with cli.progress() as bar:
        with pytest.raises(PopbeatError, match=r"square of 3: three is refused"):
            campaign.run(jobs(tmp_path, [1, 2, 3]), bar, "squares", home=store)
        done = {json.loads(p.read_text())["result"]["square"] for p in store.rglob("*.json")}
        assert done <= {1, 4}
        (tmp_path / "refuse").unlink()
        before = len(begun(tmp_path))
        results = campaign.run(jobs(tmp_path, [1, 2, 3, 2]), bar, "squares", home=store)
        assert [r["square"] for r in results] == [1, 4, 9, 4]
        assert len(begun(tmp_path)) == before + 3 - len(done)
        # All of it is there now: no cluster is needed, and whoever changes a result is found out.
        monkeypatch.setenv("SCHEDULER", "tcp://127.0.0.1:1")
        assert campaign.run(jobs(tmp_path, [1, 2, 3]), bar, "squares", home=store) == results[:3]
        path = store / f"{HERE}.square" / f"{jobs(tmp_path, [2])[0].key}.json"
        files.write_json(path, files.read_json(path) | {"key": "another"})
        with pytest.raises(PopbeatError, match="is not that of its job"):
            campaign.run(jobs(tmp_path, [2]), bar, "squares", home=store)


def test_the_key_is_of_all_that_counts(tmp_path):
    one, same = jobs(tmp_path, [1])[0], jobs(tmp_path / "elsewhere", [1], seconds=9)[0]
    assert one.key == same.key != jobs(tmp_path, [2])[0].key
    assert campaign.Job("another:function", one.arguments, one.label).key != one.key
    campaign.demand("tools", ["a 1"], ["a 1"])
    with pytest.raises(PopbeatError, match="other tools than the campaign: a 2 instead of a 1"):
        campaign.demand("tools", ["a 1"], ["a 2"])


def test_no_scheduler_and_no_number(tmp_path, monkeypatch):
    monkeypatch.setenv("SCHEDULER", "tcp://127.0.0.1:1")
    monkeypatch.setattr(campaign, "PATIENCE", 0.5)
    with cli.progress() as bar, pytest.raises(PopbeatError, match="no Dask scheduler answers at SCHEDULER=tcp://127.0.0.1:1"):
        campaign.run(jobs(tmp_path, [1]), bar, "squares", home=tmp_path)
    monkeypatch.setenv("POPBEAT_WORKERS", "many")
    with pytest.raises(PopbeatError, match="POPBEAT_WORKERS=many"):
        campaign.workers()
    monkeypatch.setenv("POPBEAT_WORKERS", "1")
    assert campaign.workers() == 1
