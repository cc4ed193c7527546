"""A Flink session cluster with Beam's worker pool on this machine: for trials, tests, and as a pattern to copy.

In: a folder to work in. Out: a JobManager, TaskManagers and a worker pool, all bound to 127.0.0.1, their
configuration, logs and process ids in that folder. Needs Java 11 or 17 and, the first time, pip and a package index:
Flink comes from the package ``apache-flink-libraries``, the distribution without its shell scripts, Beam's job server
jar by Beam's own download. Run it with the Python that has this project installed, because the workers are started
by it:

    python deploy/flink/cluster.py start cluster
    python deploy/flink/cluster.py status cluster
    python deploy/flink/cluster.py stop cluster
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

FLINK_VERSION, FLINK_PACKAGE = "1.19", "apache-flink-libraries==1.19.3"
"""Of the version that the job server speaks."""

JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
RESULT = "BASH_JAVA_UTILS_EXEC_RESULT:"
OPENED = "lang net io nio lang.reflect text time util util.concurrent util.concurrent.atomic util.concurrent.locks"
START_S, STOP_S = 120, 20
REPOSITORY = Path(__file__).resolve().parents[2]
"""The workers import the project from here, installed or not."""

CONFIGURATION = """\
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {rpc_port}
jobmanager.bind-host: 127.0.0.1
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest_port}
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: {slots}
io.tmp.dirs: {folder}/tmp
web.tmpdir: {folder}/tmp
# Beam's jar lies on the class path. Loaded child first, by every job, its threads outlive the job's class loader and
# end in a NoClassDefFoundError, which ends the TaskManager (uncaught-exception-handling below).
classloader.resolve-order: parent-first

# Memory. Elements are Arrow tables of at most about 8 MiB (pipeline/shuffle/elements.py). A slot holds some of them on
# the heap while they are copied, Beam's gRPC channel to Python holds them in direct memory (off-heap), sorting spills
# from managed memory to disk. Flink's own sizes end in "call is closed" or hang. Every shuffle that a slot writes takes
# 16 MiB of network buffers, and balance writes several at a time: "Insufficient number of network buffers" with 64m.
jobmanager.memory.process.size: 1200m
taskmanager.memory.task.heap.size: {heap_mb}m
taskmanager.memory.task.off-heap.size: {off_heap_mb}m
taskmanager.memory.managed.size: {managed_mb}m
taskmanager.memory.network.min: {network_mb}m
taskmanager.memory.network.max: {network_mb}m
taskmanager.memory.jvm-metaspace.size: 384m
env.java.opts.taskmanager: -XX:+UseParallelGC

# A lost TaskManager or Python worker restarts what it was doing; without this a batch job fails with its first. A
# step that fails by its input is tried as often before the job fails: more attempts on a cluster that loses machines.
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 3
restart-strategy.fixed-delay.delay: 2 s
# A TaskManager that ran out of memory shall end, not hang.
cluster.uncaught-exception-handling: FAIL
heartbeat.interval: 2000
heartbeat.timeout: 30000
"""

LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = Out
appender.out.name = Out
appender.out.type = CONSOLE
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss} %-5p %c{1} %m%n
"""


def main() -> None:
    """Run the action of the command line; an expected error ends with one line and exit code 2."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("action", choices=["start", "task-manager", "stop", "status"])
    parser.add_argument("folder", type=Path, help="work folder of the cluster")
    parser.add_argument("--task-managers", type=int, default=2)
    parser.add_argument("--slots", type=int, default=2, help="per TaskManager: parallel pieces of a job (default 2)")
    parser.add_argument("--rest-port", type=int, default=8081, help="web page and REST (default 8081)")
    parser.add_argument("--rpc-port", type=int, default=6123)
    parser.add_argument("--pool-port", type=int, default=50000, help="of Beam's worker pool (default 50000)")
    parser.add_argument(
        "--job-server-jar", type=Path, default=os.environ.get("FLINK_JOB_SERVER_JAR") or None,
        help="Beam's Flink job server jar (default: FLINK_JOB_SERVER_JAR, else Beam downloads it)",
    )  # fmt: skip
    parser.add_argument("--flink", type=Path, help="folder with pyflink/lib, if you have one; else installed by pip")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    try:
        {"start": start, "task-manager": add_task_manager, "stop": stop, "status": status}[options.action](options)
    except (OSError, ValueError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def start(options: argparse.Namespace) -> None:
    """Start everything and wait until all TaskManagers have registered."""
    if shutil.which("java") is None:
        raise RuntimeError("no java on PATH; install Java 11 or 17 (Debian: apt install openjdk-17-jre-headless)")
    folder = options.folder
    if any(is_alive(pid) for pid in read_pids(folder).values()):
        raise RuntimeError(f"{folder}: a cluster runs there already; stop it first")
    for name in ("conf", "log", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    flink, jar = install_flink(options), find_jar(options)
    write_configuration(options)
    settings = {"flink": str(flink), "jar": jar, "rest_port": options.rest_port}
    (folder / "cluster.json").write_text(json.dumps(settings))
    (folder / "pids.json").write_text("{}")
    try:
        launch(folder, "job-manager", java_command(folder, flink, jar, "JM", JOB_MANAGER))
        pool = [sys.executable, "-m", "pipeline.runners.flink.worker_pool", f"--port={options.pool_port}"]
        launch(folder, "worker-pool", pool)
        for _ in range(options.task_managers):
            add_task_manager(options)
        wait_for_task_managers(options)
    except BaseException:
        stop(options)
        raise
    page, parallelism = f"http://127.0.0.1:{options.rest_port}", options.task_managers * options.slots
    print(
        f"{options.task_managers} TaskManagers with {options.slots} slots each, page at {page}; use it with\n"
        f"  pipeline ... -- --runner=FlinkRunner --flink_master={page} --flink_version={FLINK_VERSION} "
        f"--parallelism={parallelism} --sdk_worker_parallelism={options.slots} "
        f"--environment_type=EXTERNAL --environment_config=localhost:{options.pool_port}"
    )


def add_task_manager(options: argparse.Namespace) -> None:
    """Start one more TaskManager, for example in place of one that died."""
    folder = options.folder
    number = sum(name.startswith("task-manager") for name in read_pids(folder)) + 1
    settings = json.loads((folder / "cluster.json").read_text())
    command = java_command(folder, Path(settings["flink"]), settings["jar"], "TM", TASK_MANAGER)
    launch(folder, f"task-manager-{number}", command)


def stop(options: argparse.Namespace) -> None:
    """End every process of the cluster and wait for it."""
    pids = read_pids(options.folder)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids.values():
            if is_alive(pid):
                os.kill(pid, number)  # the Python workers end with their pool
        deadline = time.monotonic() + STOP_S
        while any(is_alive(pid) for pid in pids.values()) and time.monotonic() < deadline:
            time.sleep(0.1)
    (options.folder / "pids.json").unlink(missing_ok=True)
    shutil.rmtree(options.folder / "tmp", ignore_errors=True)


def status(options: argparse.Namespace) -> None:
    """Print the processes, and what the JobManager says of itself."""
    pids = read_pids(options.folder)
    for name, pid in pids.items():
        print(f"{name}: {'running' if is_alive(pid) else 'dead'} (process {pid})")
    if not pids:
        print("no cluster runs there")
        raise SystemExit(1)
    print(json.dumps(overview(json.loads((options.folder / "cluster.json").read_text())["rest_port"])))


def install_flink(options: argparse.Namespace) -> Path:
    """Return the folder ``pyflink``, installed below the work folder if there is none yet."""
    target = options.flink or options.folder / "flink"
    if not (target / "pyflink" / "lib").is_dir():
        if options.flink:
            raise ValueError(f"--flink {options.flink}: expected a folder with pyflink/lib")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
        subprocess.run([*command, FLINK_PACKAGE], check=True)
    return (target / "pyflink").resolve()


def find_jar(options: argparse.Namespace) -> str:
    """Return the path of Beam's job server jar; without one given, of the one that Beam downloads for its jobs."""
    if options.job_server_jar:
        if not options.job_server_jar.is_file():
            raise ValueError(f"--job-server-jar {options.job_server_jar}: no such file")
        return str(options.job_server_jar.resolve())
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.flink_runner import FlinkJarJobServer

    server = FlinkJarJobServer(PipelineOptions([f"--flink_version={FLINK_VERSION}"]))
    return str(server.local_jar(server.path_to_jar()))


def write_configuration(options: argparse.Namespace) -> None:
    """Write Flink's configuration and the log's; the memory grows with the slots."""
    text = CONFIGURATION.format(
        folder=options.folder, rpc_port=options.rpc_port, rest_port=options.rest_port, slots=options.slots,
        heap_mb=750 * options.slots, off_heap_mb=500 * options.slots, managed_mb=256 * options.slots,
        network_mb=256 * options.slots,
    )  # fmt: skip
    (options.folder / "conf" / "flink-conf.yaml").write_text(text)
    (options.folder / "conf" / "log4j.properties").write_text(LOG4J)


def java_command(folder: Path, flink: Path, jar: str, kind: str, main_class: str) -> list[str]:
    """Return the command of a JobManager (kind JM) or TaskManager (TM) with the memory that Flink computes for it."""
    conf = str(folder / "conf")
    utility = [
        "java", "-cp", f"{flink}/bin/bash-java-utils.jar:{flink}/lib/*",
        "org.apache.flink.runtime.util.bash.BashJavaUtils", f"GET_{kind}_RESOURCE_PARAMS", "--configDir", conf,
    ]  # fmt: skip
    said = subprocess.run(utility, check=True, capture_output=True, text=True).stdout
    jvm, dynamic = (line.removeprefix(RESULT).split() for line in said.splitlines() if line.startswith(RESULT))
    opens = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in OPENED.split()]
    opens.append("--add-opens=java.base/sun.nio.ch=ALL-UNNAMED")
    log = f"-Dlog4j.configurationFile={conf}/log4j.properties"
    return ["java", *jvm, *opens, log, "-cp", f"{flink}/lib/*:{jar}", main_class, "--configDir", conf, *dynamic]


def launch(folder: Path, name: str, command: list[str]) -> None:
    """Start `command` in a session of its own, its output in ``log/NAME.log``, and note its process id."""
    with (folder / "log" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=REPOSITORY
        )
    (folder / "pids.json").write_text(json.dumps({**read_pids(folder), name: process.pid}))


def read_pids(folder: Path) -> dict[str, int]:
    """Return the process ids by name; empty when no cluster was started there."""
    path = folder / "pids.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def is_alive(pid: int) -> bool:
    """Tell whether process `pid` runs; a child of this process that has ended is collected."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.is_file() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def overview(rest_port: int) -> dict[str, object]:
    """Return what the JobManager says: TaskManagers, slots, jobs."""
    with urllib.request.urlopen(f"http://127.0.0.1:{rest_port}/overview", timeout=5) as answer:
        return json.load(answer)


def wait_for_task_managers(options: argparse.Namespace) -> None:
    """Return once all TaskManagers have registered; raise RuntimeError when a process dies or time is up."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        dead = [name for name, pid in read_pids(options.folder).items() if not is_alive(pid)]
        if dead:
            raise RuntimeError(f"{dead[0]} has ended; see {options.folder}/log/{dead[0]}.log")
        try:
            if overview(options.rest_port)["taskmanagers"] == options.task_managers:
                return
        except OSError:  # not there yet, or too busy to answer
            pass
        time.sleep(0.5)
    raise RuntimeError(f"the TaskManagers did not register within {START_S} s; see {options.folder}/log")


if __name__ == "__main__":
    main()
