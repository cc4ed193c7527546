"""Beam options and runners: the local runner by default, any other by the options after ``--``."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
)
from apache_beam.runners.portability.flink_runner import MAGIC_HOST_NAMES
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms import environments

from pipeline.runners.failures import JobFailed, WorkerLost, cause_of
from pipeline.runners.local.fork_server import worker_command
from pipeline.runners.local.worker_processes import JobWorkers
from pipeline.runners.runner_name import is_local_runner, runner_name

PATH_FIELDS = ("input", "queries", "candidates", "selection", "embeddings", "output")
PATHS_FIELDS = ("failed", "evaluation")
"""Fields of the commands' configurations that workers read from or write to: one path, several."""

_JOB_SERVER_OPTIONS = ("parallelism", "max_parallelism", "checkpointing_interval", "object_reuse", "state_backend")
"""Options of Flink's and Spark's job servers: known only to them, so they cannot be looked up here."""


def check_beam_options(arguments: Sequence[str]) -> PipelineOptions:
    """Return Beam's options. Raises ValueError that names an option Beam does not know (Beam would only log it)."""
    parser = _beam_parser()
    try:
        _, unknown = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as error:
        raise ValueError(f"Beam option: {error}") from error
    if unknown:
        raise ValueError(
            f"unknown Beam option {unknown[0]!r} after '--'; see "
            "https://beam.apache.org/documentation/runners/ for the options of each runner"
        )
    return PipelineOptions(list(arguments), save_main_session=False)


def is_beam_option(argument: str) -> bool:
    """Tell whether a word of a command line, ``--name`` or ``--name=value``, is an option of Beam's."""
    return argument.partition("=")[0] in _beam_parser()._option_string_actions


def _beam_parser() -> argparse.ArgumentParser:
    """Return a parser that knows all of Beam's options."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for options_class in {str(found): found for found in PipelineOptions.__subclasses__()}.values():
        add_arguments = getattr(options_class, "_add_argparse_args", None)
        if add_arguments is not None:
            add_arguments(parser)
    for name in _JOB_SERVER_OPTIONS:
        if f"--{name}" not in parser._option_string_actions:
            parser.add_argument(f"--{name}")
    return parser


def check_runner(config: Any, beam_args: Sequence[str]) -> None:
    """Raise ValueError for Beam options or paths of `config` that the runner would refuse later, or after an upload."""
    options = check_beam_options(beam_args)
    if runner_name(options) == "DataflowRunner":
        from pipeline.runners.dataflow.checks import check_dataflow_options, check_dataflow_paths

        check_dataflow_options(options)
        check_dataflow_paths(_paths(config))


def _paths(config: Any) -> list[tuple[str, str]]:
    """Return each path of a configuration with the option that it is given by."""
    single = [(f"--{name}", getattr(config, name, "")) for name in PATH_FIELDS]
    found = [(option, part) for option, value in single if isinstance(value, str) for part in value.split(",")]
    for name in PATHS_FIELDS:
        found += [(f"--{name}", path) for path in getattr(config, name, ())]
    return found + [("DIR", path) for path in getattr(config, "shards", ())]


def is_local(beam_args: Sequence[str]) -> bool:
    """Tell whether these options run the job on Beam's local runner, in processes of this machine."""
    return is_local_runner(check_beam_options(beam_args))


def is_embedded_flink(beam_args: Sequence[str]) -> bool:
    """Tell whether these options run the job on a Flink inside the launcher's job server, with workers of ours."""
    options = check_beam_options(beam_args)
    name, master = runner_name(options), options.view_as(FlinkRunnerOptions).flink_master
    given = {argument.partition("=")[0].removeprefix("--") for argument in beam_args}
    return name == "FlinkRunner" and master in MAGIC_HOST_NAMES and "environment_type" not in given


def shares_disk(beam_args: Sequence[str]) -> bool:
    """Tell whether launcher and workers are processes of one machine."""
    return is_local(beam_args) or is_embedded_flink(beam_args)


def flink_parallelism(beam_args: Sequence[str]) -> int | None:
    """Return the number of parallel pieces on Flink, None on other runners."""
    options = check_beam_options(beam_args)
    if runner_name(options) != "FlinkRunner":
        return None
    return max(1, int(options.view_as(FlinkRunnerOptions).parallelism or 1))


def run_pipeline(build: Callable[[beam.Pipeline], Any], beam_args: Sequence[str]) -> dict[str, int]:
    """Run the graph that ``build(pipeline)`` makes and return its counters, summed, by name.

    The default runner is Beam's `FnApiRunner` in this process, set explicitly: Beam's ``DirectRunner`` would
    first try to download Prism. ``--direct_num_workers N --direct_running_mode multi_processing`` uses N
    processes of it. Ctrl-C cancels the job, also on a cluster. Raises `JobFailed` with the cause in one line.
    """
    options = check_beam_options(beam_args)
    name = runner_name(options)
    if is_local_runner(options):
        return _run(build, _local_runner(options), options)
    if name == "DataflowRunner":
        from pipeline.runners.dataflow.checks import build_proto, check_graph, check_installed

        check_installed()
        planned = beam.Pipeline(runner=FnApiRunner(), options=options)
        build(planned)
        check_graph(build_proto(planned, options))
    if name != "FlinkRunner":
        return _run(build, None, options)
    from pipeline.runners.flink.job import Flink, flink_arguments, flink_session
    from pipeline.runners.flink.rest import cancel_jobs

    options = check_beam_options(flink_arguments(beam_args))
    cloud = options.view_as(GoogleCloudOptions)  # where Beam keeps the name of any job
    session = flink_session()
    cloud.job_name = f"{cloud.job_name}-{session.name}" if cloud.job_name else session.name
    try:
        return _run(build, Flink(), options)
    except JobFailed as error:
        if session.has_lost_server and not isinstance(error, WorkerLost):
            raise WorkerLost("Flink's job server ended (did memory run out?)") from None
        raise
    except KeyboardInterrupt:
        cancel_jobs(options.view_as(FlinkRunnerOptions).flink_master, session.name)
        raise


def _run(build: Callable[[beam.Pipeline], Any], runner: Any, options: PipelineOptions) -> dict[str, int]:
    pipeline = beam.Pipeline(runner=runner, options=options)
    build(pipeline)
    result = None
    with JobWorkers() as workers:
        try:
            result = pipeline.run()
            result.wait_until_finish()
        except KeyboardInterrupt:
            if result is not None and not isinstance(runner, FnApiRunner):
                with suppress(Exception):  # whatever a runner raises here, the user has asked to stop
                    result.cancel()
            raise
        except Exception as error:
            if workers.lost:
                raise WorkerLost(workers.lost) from None
            if isinstance(error, ValueError | OSError):
                raise
            # runners wrap what a worker raised in types of their own, with the trace as text
            raise JobFailed(cause_of(error)) from error
    counters: dict[str, int] = {}
    for counter in result.metrics().query()["counters"]:
        name = counter.key.metric.name
        if name.startswith("metric:"):  # Flink gives Beam's own measurements among ours
            continue
        counters[name] = counters.get(name, 0) + int(counter.result or 0)
    return counters


def _local_runner(options: PipelineOptions) -> FnApiRunner:
    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode != "multi_processing":
        return FnApiRunner()
    direct.direct_running_mode = "in_memory"  # else Beam puts its own worker command in place of ours
    command = worker_command() or f"{shlex.quote(sys.executable)} -m pipeline.runners.local.worker"
    return FnApiRunner(default_environment=environments.SubprocessSDKEnvironment.from_command_string(command))
