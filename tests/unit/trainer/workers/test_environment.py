"""What Ray reads of the environment is set before it is imported; what the user set stays."""

import os

import pytest

from trainer.workers.environment import QUIET, prepare_environment


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})


def test_a_ray_of_this_machine_has_a_token_of_its_own() -> None:
    prepare_environment()
    assert QUIET.items() <= os.environ.items()
    assert os.environ["RAY_AUTH_MODE"] == "token"
    first = os.environ["RAY_AUTH_TOKEN"]
    assert len(first) == 64
    prepare_environment()
    assert os.environ["RAY_AUTH_TOKEN"] == first


def test_what_the_user_set_stays() -> None:
    os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "9"
    os.environ["RAY_AUTH_TOKEN_PATH"] = "/mine"
    prepare_environment()
    assert os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] == "9"
    assert "RAY_AUTH_TOKEN" not in os.environ


def test_a_cluster_has_its_own_way_to_let_in() -> None:
    os.environ["RAY_ADDRESS"] = "ray://host"
    prepare_environment()
    assert not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN"} & os.environ.keys()
