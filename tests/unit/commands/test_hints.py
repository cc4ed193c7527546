"""What a wrong option says: which value is wrong, and the help of the very subcommand that was asked for."""

import pytest

from pipeline.__main__ import main as pipeline
from querygen.command import main as querygen
from trainer.__main__ import main as trainer


@pytest.mark.parametrize(
    ("command", "arguments", "asked"),
    [
        (pipeline, ["download", "--selection", "s", "--output", "o", "--retries", "x"], "pipeline download --help"),
        (pipeline, ["download", "--selection", "s", "--output", "o", "--image-size", "0"], "pipeline download --help"),
        (pipeline, ["download", "--selection", "s"], "pipeline download --help"),
        (pipeline, ["balance", "--candidates", "c", "--output", "o", "--no-such-option"], "pipeline balance --help"),
        (querygen, ["build", "--output", "o", "--size", "-1"], "querygen build --help"),
        (querygen, ["count", "--no-such-option"], "querygen count --help"),
        (trainer, ["train", "--shards", "s", "--output", "o", "--epochs", "0"], "trainer train --help"),
        (trainer, ["evaluate", "zero-shot", "--no-such-option"], "trainer evaluate zero-shot --help"),
    ],
    ids=["word for a number", "out of range", "missing", "unknown", "out of range in querygen", "unknown in querygen",
         "out of range in trainer", "unknown in trainer"],
)  # fmt: skip
def test_hints_name_the_help_of_the_subcommand(command, arguments, asked, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        command(arguments)
    assert ended.value.code == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert asked in said
    assert f"{asked.split()[0]} --help" not in said


@pytest.mark.parametrize("command", ["collect", "balance", "download", "explain", "run"])
def test_every_help_says_where_beam_options_stand(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pipeline([command, "--help"])
    assert "Beam options come after '--'." in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--direct_num_workers=2", "--runner", "--flink_master=[local]", "--parallelism=2"])
def test_a_beam_option_before_the_dashes_is_told_where_it_belongs(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        pipeline(["collect", "--input", "i", "--queries", "q", "--output", "o", option])
    said = capsys.readouterr().err
    assert f"{option} is an option of Beam's, which come after '--': pipeline collect ... -- {option}" in said


def test_an_option_that_nobody_has_is_no_beam_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pipeline(["collect", "--input", "i", "--queries", "q", "--output", "o", "--no-such-option"])
    assert "Beam" not in capsys.readouterr().err
