"""Checks of a Dataflow job before anything is uploaded: its options, its paths, and its graph.

In: Beam options with ``--runner=DataflowRunner``, the command's paths, a pipeline. Out: nothing, or a ValueError that
names what Dataflow would refuse or, worse, run without result. No Google package and no account is needed.
"""

import re
from collections.abc import Sequence
from importlib.util import find_spec

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, SetupOptions, WorkerOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.pipeline_utils import group_by_key_input_visitor
from apache_beam.transforms import environments

_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,61}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_BUCKET_URL = re.compile(r"gs://[a-z0-9][-_.a-z0-9]{1,220}[a-z0-9](/.*)?")

BATCH_REQUIREMENTS = frozenset(
    found.urn
    for found in (
        common_urns.requirements.REQUIRES_SPLITTABLE_DOFN,
        common_urns.requirements.REQUIRES_BUNDLE_FINALIZATION,
    )
)
"""What Dataflow's batch jobs give; state and timers are left out: none of our steps needs them."""

RUNNER_TRANSFORMS = frozenset(
    found.urn
    for found in (
        common_urns.primitives.IMPULSE,
        common_urns.primitives.GROUP_BY_KEY,
        common_urns.primitives.FLATTEN,
    )
)


def check_dataflow_options(options: PipelineOptions) -> None:
    """Raise ValueError that names the first option that is missing or malformed."""
    cloud, worker, setup = (options.view_as(kind) for kind in (GoogleCloudOptions, WorkerOptions, SetupOptions))
    for name, value, form, example in (
        ("project", cloud.project, _PROJECT, "my-project"),
        ("region", cloud.region, _REGION, "europe-west1"),
        ("temp_location", cloud.temp_location, _BUCKET_URL, "gs://my-bucket/tmp"),
        ("staging_location", cloud.staging_location or cloud.temp_location, _BUCKET_URL, "gs://my-bucket/staging"),
    ):
        if not value:
            raise ValueError(f"DataflowRunner: --{name} is missing; for example --{name}={example}")
        if not form.fullmatch(value):
            raise ValueError(f"DataflowRunner: --{name} {value!r} is malformed; for example --{name}={example}")
    if not worker.sdk_container_image and not setup.extra_packages and not setup.setup_file:
        raise ValueError(
            "DataflowRunner: the workers need this package: give --sdk_container_image=IMAGE --sdk_location=container "
            "(deploy/dataflow/Dockerfile) or --extra_package=webimagetext-VERSION-py3-none-any.whl"
        )
    if worker.num_workers and worker.max_num_workers and worker.num_workers > worker.max_num_workers:
        raise ValueError(
            f"DataflowRunner: --num_workers {worker.num_workers} is above --max_num_workers {worker.max_num_workers}"
        )


def check_installed() -> None:
    """Raise ValueError when Beam's Google packages are not installed: Beam would fail in the middle of an upload."""
    try:
        found = find_spec("google.cloud.dataflow") is not None and find_spec("google.cloud.storage") is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise ValueError("DataflowRunner: Beam's Google packages are missing; pip install 'webimagetext[gcp]'")


def check_dataflow_paths(paths: Sequence[tuple[str, str]]) -> None:
    """Raise ValueError for a path (option, value) on this machine: the workers would read and write their own disks."""
    for option, value in paths:
        if value and "://" not in value:
            raise ValueError(f"DataflowRunner: {option} {value!r} is a path of this machine; give a gs:// URL")


def build_proto(pipeline: beam.Pipeline, options: PipelineOptions) -> beam_runner_api_pb2.Pipeline:
    """Return the graph as Dataflow gets it: the same rewriting, in the worker image; nothing is sent."""
    image = options.view_as(WorkerOptions).sdk_container_image or "apache/beam_python_sdk"
    pipeline.visit(group_by_key_input_visitor(deterministic_key_coders=True))
    return pipeline.to_runner_api(default_environment=environments.DockerEnvironment.from_container_image(image))


def check_graph(proto: beam_runner_api_pb2.Pipeline) -> None:
    """Raise ValueError for what a Dataflow batch job does not run: other environments, unbounded data, features."""
    for name, environment in proto.components.environments.items():
        if environment.urn != common_urns.environments.DOCKER.urn:
            raise ValueError(f"DataflowRunner: environment {name!r} is {environment.urn}, expected a container image")
    for name, collection in proto.components.pcollections.items():
        if collection.is_bounded == beam_runner_api_pb2.IsBounded.UNBOUNDED:
            raise ValueError(f"DataflowRunner: {collection.unique_name or name} is unbounded; expected a batch job")
    more = sorted(set(proto.requirements) - BATCH_REQUIREMENTS)
    if more:
        raise ValueError(f"DataflowRunner: the graph requires {more}, which its batch jobs do not give")
    for transform in proto.components.transforms.values():
        alone = not transform.subtransforms and not transform.environment_id
        if alone and transform.outputs and transform.spec.urn not in RUNNER_TRANSFORMS:
            raise ValueError(f"DataflowRunner: {transform.unique_name} is {transform.spec.urn}, which it does not run")
