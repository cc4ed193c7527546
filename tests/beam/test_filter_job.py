"""`pipeline filter` on features: against plain cosines of all pairs, by one process and by two, killed, refused."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.similarity import clusters, near, steps
from pipeline.similarity.config import FilterConfig
from pipeline.similarity.job import run_filter
from schemas.run_record import FolderConflict
from tests.support.feature_folders import unit_rows, write_features
from tests.support.folder_bytes import folder_bytes

TWO_PROCESSES = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
ROWS, WIDTH, LEAST, LIKE = 3_000, 32, 0.2, 0.95


class Made:
    """Pairs of which a third are variants of others, a fifth of which has a text that does not fit, some none."""

    def __init__(self, root: Path) -> None:
        rng = np.random.default_rng(7)
        topics = rng.standard_normal((20, WIDTH))
        base = topics[rng.integers(0, 20, ROWS)] + rng.standard_normal((ROWS, WIDTH))
        variants = rng.random(ROWS) < 0.33
        base[variants] = base[rng.integers(0, ROWS // 10, ROWS)[variants]]
        noise = rng.choice([0.0, 0.1, 0.3], (ROWS, 1))
        self.images = unit_rows(base + noise * variants[:, None] * rng.standard_normal((ROWS, WIDTH)))
        fit = rng.choice([0.1, 1.0, 2.0], (ROWS, 1))
        self.texts = unit_rows(self.images * fit + rng.standard_normal((ROWS, WIDTH)) / WIDTH**0.5)
        self.texts[::40] = 0
        self.folder = write_features(
            root / "features", self.images, self.texts, part_rows=700, unusable=["bad", "worse"]
        )
        shown = self.images[[10, 1_000, 2_999]].astype(np.float64)
        first = unit_rows(np.vstack([shown[:1], rng.standard_normal((5, WIDTH))]))
        second = unit_rows(shown[1:] + 0.02 * rng.standard_normal((2, WIDTH)))
        self.evaluations = (write_features(root / "e0", first), write_features(root / "e1", second))
        self.evaluation = np.vstack([first, second])

    @property
    def similarities(self) -> npt.NDArray[np.float64]:
        """Of image and text; NaN without a text."""
        pairs = zip(wide(self.images), wide(self.texts), strict=True)
        return np.array([a @ b if b.any() else np.nan for a, b in pairs])


def wide(rows: npt.NDArray[np.float16]) -> npt.NDArray[np.float64]:
    found = rows.astype(np.float64)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(lengths > 0, lengths, 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("made"))


def removed(output: Path) -> dict[str, str]:
    rows = pq.read_table(output / "removed.parquet").to_pylist()
    assert len({row["key"] for row in rows}) == len(rows)
    return {row["key"]: row["reason"] for row in rows}


def near_by_all_pairs(made: Made, rows: npt.NDArray[np.int64]) -> set[str]:
    """Of `rows` those that have one before them, in the order of preference, that is like them."""
    similarity = np.nan_to_num(made.similarities, nan=-2.0)
    order = rows[np.lexsort((rows, -similarity[rows]))]
    like = np.tril(wide(made.images[order]) @ wide(made.images[order]).T >= LIKE, -1).any(axis=1)
    return {f"{row:08d}" for row in order[like]}


def all_rules(made: Made, output: Path) -> FilterConfig:
    return FilterConfig(
        embeddings=made.folder, output=str(output), min_similarity=LEAST, without_features="drop",
        near_duplicate_similarity=LIKE, evaluation=made.evaluations, evaluation_similarity=LIKE,
    )  # fmt: skip


def test_all_rules_against_all_pairs(made: Made, tmp_path: Path) -> None:
    manifest = run_filter(all_rules(made, tmp_path / "out"))
    found = removed(tmp_path / "out")
    like = wide(made.images) @ wide(made.evaluation).T
    in_evaluation = {f"{row:08d}": int(like[row].argmax()) for row in np.flatnonzero((like >= LIKE).any(axis=1))}
    assert {key for key, reason in found.items() if reason == "evaluation_image"} == set(in_evaluation)
    assert len(in_evaluation) >= 3
    matches = pq.read_table(tmp_path / "out" / "evaluation_matches.parquet").to_pylist()
    told = {row["key"]: 6 * row["evaluation"] + int(row["evaluation_id"]) for row in matches}
    assert told == in_evaluation
    assert [row["similarity"] for row in matches] == pytest.approx([like[int(row["key"])].max() for row in matches])
    similarity = made.similarities
    expected = {
        "low_similarity": {f"{row:08d}" for row in np.flatnonzero(similarity < LEAST)} - set(in_evaluation),
        "without_features": {f"{row:08d}" for row in range(0, ROWS, 40)} - set(in_evaluation) | {"bad", "worse"},
    }
    for reason, keys in expected.items():
        assert {key for key, why in found.items() if why == reason} == keys
        assert manifest["summary"]["removed_by_reason"][reason] == len(keys) > 30
    rest = np.array([row for row in range(ROWS) if found.get(f"{row:08d}", "near_duplicate") == "near_duplicate"])
    near_found = {key for key, reason in found.items() if reason == "near_duplicate"}
    truth = near_by_all_pairs(made, rest)
    assert near_found <= truth
    assert len(near_found) >= 0.98 * len(truth) > 150  # found in 5 clusters, each row in two
    assert manifest["rows"] == len(found)
    assert manifest["summary"]["kept"] == ROWS - len(found) + 2
    assert sum(manifest["summary"]["histogram"]) == ROWS - ROWS // 40


def test_what_a_near_duplicate_is_like_comes_before_it(made: Made, tmp_path: Path) -> None:
    run_filter(FilterConfig(embeddings=made.folder, output=str(tmp_path / "out"), near_duplicate_similarity=LIKE))
    similarity, images = np.nan_to_num(made.similarities, nan=-2.0), wide(made.images)
    rows = pq.read_table(tmp_path / "out" / "near_duplicates.parquet").to_pylist()
    assert {row["key"]: "near_duplicate" for row in rows} == removed(tmp_path / "out")
    for row in rows:
        gone, like = int(row["key"]), int(row["like"])
        assert (-similarity[like], like) < (-similarity[gone], gone)
        assert row["similarity"] == pytest.approx(images[gone] @ images[like], abs=1e-12)
        assert row["similarity"] >= LIKE


def test_one_cluster_finds_all(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MIN_CLUSTER_ROWS", ROWS)
    run_filter(FilterConfig(embeddings=made.folder, output=str(tmp_path / "out"), near_duplicate_similarity=LIKE))
    assert set(removed(tmp_path / "out")) == near_by_all_pairs(made, np.arange(ROWS))


def test_processes_tiles_and_partitions_change_no_byte(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_filter(all_rules(made, tmp_path / "one"))
    run_filter(all_rules(made, tmp_path / "two"), TWO_PROCESSES)
    assert folder_bytes(tmp_path / "one") == folder_bytes(tmp_path / "two")
    monkeypatch.setattr(near, "TILE_ROWS", 190)
    monkeypatch.setattr(steps, "GATHERED_BYTES", 1)
    run_filter(all_rules(made, tmp_path / "tiles"))
    assert folder_bytes(tmp_path / "one") == folder_bytes(tmp_path / "tiles")


@pytest.mark.parametrize("step", ["measured", "write_near"])
def test_ended_in_a_step_and_run_again(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    run_filter(all_rules(made, tmp_path / "whole"))
    monkeypatch.setattr("pipeline.similarity.job.PARTITION_BYTES", 1 << 16)
    run, calls = getattr(steps, step), []

    def fail_third(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*arguments)

    monkeypatch.setattr(steps, step, fail_third)
    with pytest.raises(BaseException, match="KeyboardInterrupt"):
        run_filter(all_rules(made, tmp_path / "ended"))
    assert not (tmp_path / "ended" / "manifest.json").exists()
    run_filter(all_rules(made, tmp_path / "ended"))
    ended, whole = (removed(tmp_path / name) for name in ("ended", "whole"))
    assert ended == whole
    assert sorted(path.name for path in (tmp_path / "ended").iterdir() if path.is_dir()) == ["tables"]
    run_filter(all_rules(made, tmp_path / "ended"))  # finished: nothing is done
    with pytest.raises(FolderConflict, match=r"config.keep_fraction: None -> 0.5"):
        run_filter(FilterConfig(embeddings=made.folder, output=str(tmp_path / "ended"), keep_fraction=0.5))


@pytest.mark.parametrize("fraction", [0.3, 1.0, 1e-9])
def test_a_fraction_keeps_the_most_similar(made: Made, tmp_path: Path, fraction: float) -> None:
    config = FilterConfig(embeddings=made.folder, output=str(tmp_path / "out"), keep_fraction=fraction)
    manifest = run_filter(config)
    similarity = made.similarities
    have = np.flatnonzero(~np.isnan(similarity))
    count = max(1, round(fraction * len(have)))
    kept = have[np.argsort(-similarity[have], kind="stable")[:count]]
    assert set(removed(tmp_path / "out")) == {f"{row:08d}" for row in set(have) - set(kept)}
    assert manifest["summary"]["least_similarity"] == pytest.approx(similarity[kept].min(), abs=1e-12)


def test_images_alone_and_copies_of_one_image(tmp_path: Path) -> None:
    """A cluster of copies is larger than all others together."""
    rng = np.random.default_rng(0)
    images = unit_rows(rng.standard_normal((4_000, WIDTH)))
    images[500:] = images[0]
    folder = write_features(tmp_path / "f", images.astype(np.float32))
    manifest = run_filter(FilterConfig(embeddings=folder, output=str(tmp_path / "out"), near_duplicate_similarity=0.9))
    assert manifest["rows"] == 3_500
    assert {row["like"] for row in pq.read_table(tmp_path / "out/near_duplicates.parquet").to_pylist()} == {"00000000"}


def test_samples_of_one_key_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = unit_rows(np.eye(4)[[0, 1, 1, 2, 3]])
    folder = write_features(tmp_path / "f", images, ids=["a", "b", "c", "c", "d"])
    main(["filter", "--embeddings", folder, "--output", str(tmp_path / "out"), "--near-duplicate-similarity", "0.9"])
    assert removed(tmp_path / "out") == {"c": "near_duplicate"}
    assert "note: 1 samples more have the key of one that is removed" in capsys.readouterr().out.replace("\n", " ")


def test_the_summary_says_what_was_found(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    main(["filter", "--embeddings", made.folder, "--output", str(tmp_path / "out"), "--min-similarity", str(LEAST)])
    said = capsys.readouterr().out
    for part in ("│ samples with features", "│ 3,000", "  0.00 ..  0.05", "#", "low_similarity", str(tmp_path / "out")):
        assert part in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--min-similarity", "0.2"], "e0: has image_features, no text_features; embed again with --of"),
        (["--near-duplicate-similarity", "2"], "near_duplicate_similarity is a cosine, from -1 to 1, found 2.0"),
        ([], "expected what to filter by"),
    ],
    ids=["no-texts", "no-cosine", "no-rule"],
)
def test_what_cannot_be_done_ends_with_a_line(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["filter", "--embeddings", made.evaluations[0], "--output", str(tmp_path / "out"), *options])
    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_files_with_rows_that_are_no_features_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = unit_rows(np.random.default_rng(0).standard_normal((40, 8)))
    images[[17, 38], 3] = np.nan
    folder = write_features(tmp_path / "f", images, part_rows=10)
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            main(["filter", "--embeddings", folder, "--output", f"{tmp_path}/o", "--near-duplicate-similarity", "0.9"])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {folder}/features/00001.parquet: image_features of '00000017' have the length")
        assert error.endswith("nan, expected 1 (within 0.02); embed again with trainer embed; and 1 more of 4 files\n")


def test_an_evaluation_with_such_rows_is_refused_before_the_job(tmp_path: Path) -> None:
    images = unit_rows(np.random.default_rng(0).standard_normal((5, 8)))
    folder, zeros = write_features(tmp_path / "f", images), images.copy()
    zeros[3] = 0
    config = FilterConfig(
        embeddings=folder, output=str(tmp_path / "o"), evaluation_similarity=0.9,
        evaluation=(write_features(tmp_path / "e", zeros),),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"e/features/00000.parquet: image_features of '00000003' have the length 0"):
        run_filter(config)
