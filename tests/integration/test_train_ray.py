"""Training under a real local Ray cluster with two workers on CPU, as users start it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from schemas.manifest import read_manifest
from schemas.storage import Folder
from tests.demo.free_ports import free_ports
from tests.support.small_shards import COLOURS, picture, write_shards
from tests.support.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[2]


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip


def train(cwd: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = str(ROOT / "trainer" / "run.py")
    return run(program, "--model", "rn-tiny", *arguments, cwd=cwd, **environment)


def test_two_workers_train_and_the_model_is_evaluated(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48, broken=(5,))
    (tmp_path / "home").mkdir()
    told = train(
        tmp_path, "--shards", "shards", "--output", "out", "--num-workers", "2", "--global-batch-size", "8",
        "--epochs", "3", HOME=str(tmp_path / "home"),
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert not list((tmp_path / "home").rglob("auth_token")), "later clusters of this user would ask for it"
    assert read_manifest(Folder(str(tmp_path / "out")), "checkpoint")["summary"]["steps"] == 18
    training = json.loads((tmp_path / "out" / "training.json").read_text())
    assert (training["num_workers"], training["replaced"]) == (2, 3)
    assert re.search(r"18 steps, 144 samples in \d+ s: [\d,]+ samples/s", told.stderr)
    assert re.search(r"sample 000005 of \S*/00000\.tar, bytes \d+ to \d+ does not decode; replaced", told.stderr)
    assert "Traceback" not in told.stderr
    assert not re.search(r"pid=|WARNING|INFO", told.stderr), "Ray's own lines stay away from the console"

    for number in range(8):
        folder = tmp_path / "images" / list(COLOURS)[number % 4]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(picture(1000 + number))
    (tmp_path / "classes.txt").write_text("\n".join(COLOURS))
    (tmp_path / "templates.txt").write_text("a {} picture\n{}!\n")
    evaluated = run(
        "-m", "trainer", "evaluate", "zero-shot", "--checkpoint", "out", "--dataset", "images", "--classes",
        "classes.txt", "--templates", "templates.txt", "--output", "results",
        cwd=tmp_path, PYTHONPATH=str(ROOT),
    )  # fmt: skip
    assert evaluated.returncode == 0, evaluated.stderr
    assert evaluated.stdout.startswith("8 images (0 skipped), 4 classes, 2 templates: top-1 ")

    again = train(
        tmp_path, "--shards", "shards", "--output", "out", "--num-workers", "2", "--global-batch-size", "8",
        "--epochs", "3",
    )  # fmt: skip
    assert again.returncode == 0
    assert "finished already" in again.stderr
    other = train(tmp_path, "--shards", "shards", "--output", "out", "--num-workers", "2")
    assert other.returncode == 2
    assert other.stderr.startswith("error: ")
    assert "belongs to another run" in other.stderr


@pytest.mark.slow
def test_an_error_in_a_worker_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "00000.tar").write_bytes(b"this is no tar" * 100)
    told = train(tmp_path, "--shards", "shards", "--output", "out", "--max-failures", "0")
    assert told.returncode == 2, told.stderr
    assert told.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "00000.tar: expected a tar file" in told.stderr


def test_bad_options_are_one_line(tmp_path: Path) -> None:
    """All that is said: tests/unit/trainer/test_config, test_launch; a process takes seconds to start."""
    told = train(tmp_path, "--shards", "/absent", "--output", str(tmp_path / "out"))
    assert told.returncode == 2
    assert told.stderr.strip().splitlines()[-1].startswith("error: --shards: no such folder '/absent'")
    assert "Traceback" not in told.stderr


def test_relative_paths_in_a_ray_job_are_refused_with_the_absolute_form(tmp_path: Path) -> None:
    told = train(tmp_path, "--shards", "/s", "--output", "out", RAY_JOB_CONFIG_JSON_ENV_VAR="{}")
    assert told.returncode == 2
    assert "--output 'out' is relative" in told.stderr
    assert '--output "$PWD/out"' in told.stderr


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=PATIENCE_S).close()
    except urllib.error.HTTPError:  # 401: up, and it wants the token that ray's own commands send
        return True
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_ray_job_submit_from_a_working_directory(tmp_path: Path) -> None:
    write_shards(tmp_path / "shards", 48)
    ray = str(Path(sys.executable).parent / "ray")
    environment = os.environ | {"RAY_AUTH_MODE": "token", "HOME": str(tmp_path)}
    made = subprocess.run([ray, "get-auth-token", "--generate"], env=environment, capture_output=True, check=True)
    assert made.stdout.strip() == (tmp_path / ".ray" / "auth_token").read_bytes()
    gcs, dashboard, client, agent = free_ports(4)
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as temporary:  # sockets need a short path
        head = subprocess.Popen(
            [ray, "start", "--head", "--block", "--num-cpus=2", f"--port={gcs}",
             f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}",
             f"--dashboard-agent-listen-port={agent}", "--min-worker-port=0", "--max-worker-port=0",
             f"--temp-dir={temporary}", "--disable-usage-stats"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            version = f"http://127.0.0.1:{dashboard}/api/version"
            wait_until(lambda: head.poll() is not None or answers(version), "an answer of Ray's dashboard")
            assert head.poll() is None
            with pytest.raises(urllib.error.HTTPError, match="401"):  # the token is asked for
                urllib.request.urlopen(f"http://127.0.0.1:{dashboard}/api/jobs/", timeout=PATIENCE_S)
            told = subprocess.run(
                [ray, "job", "submit", "--address", f"http://127.0.0.1:{dashboard}", "--working-dir", ".", "--",
                 sys.executable, "trainer/run.py", "--model", "rn-tiny", "--shards", str(tmp_path / "shards"),
                 "--output", str(tmp_path / "out"), "--num-workers", "2", "--global-batch-size", "8", "--epochs", "1"],
                cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S,
            )  # fmt: skip
            assert told.returncode == 0, told.stdout + told.stderr
            assert read_manifest(Folder(str(tmp_path / "out")), "checkpoint")["summary"]["steps"] == 6
        finally:
            head.terminate()  # --block: ends the cluster it started, and no other
            head.wait(PATIENCE_S)
