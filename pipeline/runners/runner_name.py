"""Which runner Beam's options name, and whether it is a local one: its workers are processes of this machine."""

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

LOCAL_RUNNERS = ("", "DirectRunner", "FnApiRunner", "BundleBasedDirectRunner")


def runner_name(options: PipelineOptions) -> str:
    """Return the name as it was given; empty when none was."""
    return options.view_as(StandardOptions).runner or ""


def is_local_runner(options: PipelineOptions) -> bool:
    """Tell whether the job runs on Beam's local runner, in processes of this machine."""
    return runner_name(options) in LOCAL_RUNNERS
