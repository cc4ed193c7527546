"""Jobs on Flink: one job server for all jobs of a command, workers in processes.

In: Beam options with ``--runner=FlinkRunner``. Out: a runner for `pipeline.runners.runner`, and the same options
completed.
"""

import atexit
import functools
import json
import os
import shutil
import socket
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions
from apache_beam.runners.portability import job_server
from apache_beam.runners.portability.flink_runner import MAGIC_HOST_NAMES, FlinkJarJobServer, FlinkRunner

from pipeline.runners.flink.rest import get
from pipeline.runners.flink.version import NO_ANSWER, flink_version
from pipeline.runners.flink.worker_pool import start_worker_pool
from pipeline.runners.local.worker_processes import JobWorkers
from pipeline.runners.machine import available_cores

JAR_VARIABLE = "FLINK_JOB_SERVER_JAR"
"""Environment variable with the job server jar of machines that cannot download Beam's."""


@dataclass
class Session:
    """What the jobs of this process share on Flink."""

    name: str
    """Part of the name of every job, by which it is found to be cancelled."""
    servers: dict[str, job_server.JobServer] = field(default_factory=dict)
    pool: tuple[str, Any] | None = None
    """Address and server of the workers of embedded Flink; the server ends when nothing holds it."""

    @property
    def has_lost_server(self) -> bool:
        """Whether a job server has ended while jobs were to run on it."""
        return any(isinstance(server, _QuietJobServer) and server.has_ended for server in self.servers.values())


@functools.cache
def flink_session() -> Session:
    """Return the session of this process, begun at the first call."""
    return Session(f"webimagetext-{uuid.uuid4().hex[:8]}")


def flink_arguments(arguments: Sequence[str]) -> list[str]:
    """Return Beam's arguments with what Flink needs and the user left out.

    The job server jar from the environment; the version of Flink (`pipeline.runners.flink.version`); on embedded Flink
    a worker process per parallel piece, where Beam's default is threads of this process, which take turns at Python's
    lock.
    """
    found = list(arguments)
    given = {argument.partition("=")[0].removeprefix("--") for argument in found}
    if JAR_VARIABLE in os.environ and not given & {"flink_job_server_jar", "job_endpoint"}:
        found.append(f"--flink_job_server_jar={os.environ[JAR_VARIABLE]}")
    flink = PipelineOptions(found).view_as(FlinkRunnerOptions)
    if not given & {"job_endpoint", "flink_submit_uber_jar"}:  # a job server that runs knows its own
        flink.flink_master = FlinkRunner.add_http_scheme(flink.flink_master)
        found.append(f"--flink_version={flink_version(flink, 'flink_version' in given)}")
    if flink.flink_master in MAGIC_HOST_NAMES and "environment_type" not in given:
        parallelism = flink.parallelism if flink.parallelism > 0 else available_cores()
        if "parallelism" not in given:
            found.append(f"--parallelism={parallelism}")
        if "sdk_worker_parallelism" not in given:
            found.append(f"--sdk_worker_parallelism={parallelism}")
        session = flink_session()
        if session.pool is None:
            session.pool = start_worker_pool(on_lost=JobWorkers.lose_one)
        found += ["--environment_type=EXTERNAL", f"--environment_config={session.pool[0]}"]
    return found


class Flink(FlinkRunner):
    """Beam's `FlinkRunner` with one job server per process: starting it takes longer than a small job."""

    def default_job_server(self, options: PipelineOptions) -> job_server.JobServer:
        flink = options.view_as(FlinkRunnerOptions)
        if flink.flink_submit_uber_jar:
            return super().default_job_server(options)
        flink.flink_master = self.add_http_scheme(flink.flink_master)
        server = _QuietJobServer(options)
        key = repr((flink.flink_master, flink.flink_job_server_jar, flink.flink_version))
        servers = flink_session().servers
        if key not in servers:  # later jobs wait for a TaskManager that was lost meanwhile
            check_cluster(flink.flink_master, flink.parallelism)
            if shutil.which(server._java_launcher) is None:
                raise ValueError(f"FlinkRunner: no {server._java_launcher!r} on PATH; install Java 11 or 17")
            servers[key] = server
        return servers[key]


class _QuietJobServer(FlinkJarJobServer):
    """The job server below a process that ends with this one, and with it what runs on the cluster.

    A terminal's Ctrl-C does not reach them.
    """

    _stub: Any = None
    _endpoint = ""

    @property
    def has_ended(self) -> bool:
        """Whether it was started and listens no longer."""
        if self._stub is None:
            return False
        host, _, port = self._endpoint.rpartition(":")
        with socket.socket() as asking:
            return asking.connect_ex((host, int(port))) != 0

    def start(self) -> Any:
        if self._stub is None:  # started again, Beam would end it and start another
            self._stub = super().start()
            atexit.register(self.stop)
        return self._stub

    def subprocess_cmd_and_endpoint(self) -> tuple[list[str], str]:
        command, endpoint = super().subprocess_cmd_and_endpoint()
        self._endpoint = endpoint
        guard = [sys.executable, "-m", "pipeline.runners.flink.rest", self._master_url, flink_session().name]
        return [*guard, *map(str, command)], endpoint


def check_cluster(master: str, parallelism: int) -> None:
    """Raise ValueError when no Flink answers at `master`, or one with fewer slots than the job asks for.

    The job server would try for a minute, then give a trace; the job would wait for slots, five minutes an attempt. A
    cluster that starts TaskManagers by itself, on Kubernetes or YARN, has none before the first job.
    """
    if not master.startswith("http"):
        return
    try:
        slots = int(get(f"{master}/overview")["slots-total"])
        if slots >= max(1, parallelism) or _starts_task_managers(get(f"{master}/jobmanager/config")):
            return
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(NO_ANSWER.format(master=master, error=error)) from None
    raise ValueError(
        f"--flink_master {master}: the cluster has {slots} slots, --parallelism {max(1, parallelism)} needs as many; "
        "start TaskManagers or lower --parallelism"
    )


def _starts_task_managers(configuration: list[dict[str, str]]) -> bool:
    return any(entry["key"].startswith(("kubernetes.cluster-id", "yarn.application")) for entry in configuration)
