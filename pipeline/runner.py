"""Beam options and runners: the local runner by default, any other by the options after ``--``."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms import environments

from pipeline.failures import JobFailed, cause_of

LOCAL_RUNNERS = ("", "DirectRunner", "FnApiRunner", "BundleBasedDirectRunner")

_JOB_SERVER_OPTIONS = ("parallelism", "max_parallelism", "checkpointing_interval", "object_reuse", "state_backend")
"""Options of Flink's and Spark's job servers: known only to them, so they cannot be looked up here."""


def check_beam_options(arguments: Sequence[str]) -> PipelineOptions:
    """Return Beam's options. Raises ValueError that names an option Beam does not know (Beam would only log it)."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for options_class in {str(found): found for found in PipelineOptions.__subclasses__()}.values():
        add_arguments = getattr(options_class, "_add_argparse_args", None)
        if add_arguments is not None:
            add_arguments(parser)
    for name in _JOB_SERVER_OPTIONS:
        if f"--{name}" not in parser._option_string_actions:
            parser.add_argument(f"--{name}")
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


def run_pipeline(build: Callable[[beam.Pipeline], Any], beam_args: Sequence[str]) -> dict[str, int]:
    """Run the graph that ``build(pipeline)`` makes and return its counters, summed, by name.

    The default runner is Beam's `FnApiRunner` in this process, set explicitly: Beam's ``DirectRunner`` would
    first try to download Prism. ``--direct_num_workers N --direct_running_mode multi_processing`` uses N
    processes of it.
    """
    options = check_beam_options(beam_args)
    runner_name = options.view_as(StandardOptions).runner or ""
    runner = _local_runner(options) if runner_name in LOCAL_RUNNERS else None
    pipeline = beam.Pipeline(runner=runner, options=options)
    build(pipeline)
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except (ValueError, OSError):
        raise
    except Exception as error:  # runners wrap what a worker raised in types of their own, with the trace as text
        raise JobFailed(cause_of(error)) from error
    counters: dict[str, int] = {}
    for counter in result.metrics().query()["counters"]:
        name = counter.key.metric.name
        counters[name] = counters.get(name, 0) + int(counter.result or 0)
    return counters


def _local_runner(options: PipelineOptions) -> FnApiRunner:
    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode != "multi_processing":
        return FnApiRunner()
    direct.direct_running_mode = "in_memory"  # else Beam puts its own worker command in place of ours
    command = f"{shlex.quote(sys.executable)} -m pipeline.worker"
    return FnApiRunner(default_environment=environments.SubprocessSDKEnvironment.from_command_string(command))
