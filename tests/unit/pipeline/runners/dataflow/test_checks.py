"""What Dataflow would refuse is told before anything is uploaded: options and paths."""

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.runners.dataflow.checks import check_dataflow_options, check_dataflow_paths

GOOD = {
    "project": "my-project", "region": "europe-west1", "temp_location": "gs://my-bucket/tmp",
    "sdk_container_image": "image",
}  # fmt: skip


def check(**changes: object) -> None:
    given = {name: value for name, value in (GOOD | changes).items() if value is not None}
    check_dataflow_options(PipelineOptions([f"--{name}={value}" for name, value in given.items()]))


def test_what_is_complete_passes() -> None:
    check()
    check(project="example.com:my-project", staging_location="gs://bucket/x", num_workers=2, max_num_workers=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"project": None}, "--project is missing; for example --project=my-project"),
        ({"project": "My Project"}, "--project 'My Project' is malformed"),
        ({"region": "europe"}, "--region 'europe' is malformed"),
        ({"temp_location": "/tmp"}, "--temp_location '/tmp' is malformed"),
        ({"staging_location": "s3://b/x"}, "--staging_location 's3://b/x' is malformed"),
        ({"sdk_container_image": None}, "the workers need this package"),
        ({"num_workers": 3, "max_num_workers": 2}, "--num_workers 3 is above --max_num_workers 2"),
    ],
    ids=["no project", "project", "region", "disk", "S3", "no package", "workers"],
)
def test_what_is_missing_or_malformed_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(**changes)


def test_paths_of_this_machine_are_named_one_by_one() -> None:
    check_dataflow_paths([("--input", "gs://b/a.csv"), ("--input", "https://h/b.csv"), ("--queries", "")])
    with pytest.raises(ValueError, match=r"--input 'b\.csv' is a path of this machine; give a gs:// URL"):
        check_dataflow_paths([("--input", "gs://b/a.csv"), ("--input", "b.csv")])
