"""Each module has its tests where it is looked for: ``pipeline/a/b.py`` in ``tests/unit/pipeline/a/test_b.py``.

Or it is of a kind that is tested otherwise, or stands in `LISTED` with the reason. The other way round each test file
mirrors a module, or stands in `THEMES`.
"""

import ast
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from schemas.kernels.kernel_cache import PACKAGES, ROOT

UNIT = ROOT / "tests" / "unit"

WHOLE = ("__main__", "command", "job", "graph", "steps", "finish", "summary")
"""Modules, or rooms, of a command that only run whole: in the tests of `RUNNING`, which import or start them."""

RUNNING = ("beam", "integration", "contract")

LISTED = {
    "schemas/kernels/compiled.py": "test_kernel_cache: what a decorator promises shows in what is cached",
    "schemas/kernels/file_bytes.py": "schemas/test_file_part and test_tar_contents read files by it",
    "schemas/kernels/key_hashes.py": "schemas/test_removals: keys of columns are those of tars",
    "schemas/kernels/tar_headers.py": "schemas/test_tar_contents compares the kernel with tarfile",
    "schemas/plain_image.py": "one rule for two: pipeline/download/decode/test_image, trainer/data/test_transforms",
    "schemas/tar_sidecars.py": "tests of indexes: tests/beam/test_index_job, schemas/test_tar_index",
    "pipeline/download/policy/gate.py": "tests/integration/test_policy_corpus: every place on an image's way",
    "pipeline/download/content/check.py": "whole runs: tests/beam/test_download_content",
    "pipeline/download/content/evaluation_set.py": "whole runs: tests/beam/test_download_content",
    "pipeline/download/content/placeholders.py": "whole runs: tests/beam/test_download_content",
    "schemas/rewritten.py": "whole commands, killed at any moment: tests/contract/test_take_out, test_retry_failed",
    "schemas/staged_manifest.py": "whole commands: tests/contract/test_take_out, test_retry_failed",
    "pipeline/remove/*.py": "whole commands: tests/contract/test_take_out; test_remove",
    "pipeline/download/recheck/*.py": "whole commands: tests/contract/test_recheck; recheck/test_curve, test_plan",
    "pipeline/download/again/*.py": "whole commands: tests/contract/test_retry_failed",
    "pipeline/download/*/options.py": "groups of options: pipeline/download/test_config",
    "pipeline/download/peer/process.py": "a process: tests/contract/test_img2dataset runs and ends it",
    **dict.fromkeys(
        [f"pipeline/reshard/{name}.py" for name in ("config", "inputs", "members", "plan", "rows", "write")],
        "whole commands, damaged inputs too: tests/contract/test_reshard",
    ),
    "pipeline/report/*.py": "whole pages: tests/contract/test_report; report/test_tallies, test_drawn, test_thumbnails",
    "pipeline/index/config.py": "tests/beam/test_index_job",
    "pipeline/balance/settings.py": "fields of the run and names of its files: tests/beam/test_balance_job",
    "querygen/build.py": "whole commands: tests/contract/test_queries_folder, tests/integration/test_querygen_kill",
    "querygen/counts/counts_folder.py": "whole commands: tests/contract/test_counts_folder",
    "querygen/text/markup*": "one state machine: text/test_wikitext, test_wikitext_fuzz, test_wikitext_reference",
    "querygen/text/word_scan.py": "counts/test_ngrams, and against the normal form in tests/contract/test_normal_form",
    "querygen/titles/redirect_views.py": "kernels of titles/test_titles, which has a plain implementation beside them",
    "querygen/titles/title_join.py": "kernels of titles/test_titles, which has a plain implementation beside them",
    "querygen/wiki/bzip2/column.py": "bzip2/test_decoder compares all of the decoder with bz2",
    "querygen/workers/allocator.py": "settings of the C library: shown by `make bench BENCH=querygen` alone",
    "querygen/workers/progress.py": "a call of tqdm",
    "pipeline/filter/language/kernel.py": "language/test_language compares it with fastText",
    "pipeline/match/query_table.py": "match/test_matcher: the table and what reads it against a naive search",
    "pipeline/match/tokenise.py": "match/test_matcher: the table and what reads it against a naive search",
    "pipeline/runners/local/fork_server.py": "processes: tests/beam/test_fork_server",
    "pipeline/runners/local/worker.py": "processes: tests/beam/test_worker_processes",
    "pipeline/sources/html/figures.py": "one scan: tests/beam/test_crawl_archives compares all of html/ with a model",
    "pipeline/sources/html/images.py": "one scan: tests/beam/test_crawl_archives compares all of html/ with a model",
    "pipeline/sources/html/scan.py": "one scan: tests/beam/test_crawl_archives compares all of html/ with a model",
    "pipeline/sources/html/tokens.py": "one scan: tests/beam/test_crawl_archives compares all of html/ with a model",
    "pipeline/sources/pairs/pair_sink.py": "wat/test_wat and html/test_warc fill it with all that pages hold",
    "pipeline/sources/tables/csv_cells.py": "tables/test_csv_rows: any text, cut anywhere, against Python's csv",
    "pipeline/sources/tables/json_members.py": "tables/test_json_lines and test_json_values, against Python's json",
    "pipeline/sources/wat/*.py": "wat/test_wat: one scan of made and of real records",
    "trainer/assembly.py": "whole trainings: tests/integration/test_train",
    "trainer/data/balance/*.py": "chances and epochs together: trainer/data/balance/test_*, against exact fractions",
    "trainer/data/batch.py": "test_loader: what the loader gives, and the places of its rows",
    "trainer/data/data_set.py": "test_open_data and test_loader make it of shards",
    "trainer/data/find_index.py": "test_open_data: found, made, kept, refused",
    "trainer/data/loading/process.py": "processes: loading/test_processes kills them, too",
    "trainer/data/order/drawn.py": "a protocol: order/test_sample_order with epochs of different sizes",
    "trainer/data/order/locate.py": "kernels of order/test_sample_order, against laws",
    "trainer/data/read/block.py": "test_loader and test_open_data read samples through it",
    "trainer/data/read/cache_errors.py": "read/test_block_bytes and read/test_cache_room: no room, no folder",
    "trainer/data/read/captions.py": "test_open_data, against collect's reading; test_loader",
    "trainer/data/read/live_blocks.py": "test_loader: opened before, given up after",
    "trainer/data/read/range_request.py": "read/test_block_bytes, against servers with faults by plan",
    "trainer/data/read/remote_file.py": "data/test_some_captions reads Parquet through it; read/test_block_bytes",
    "trainer/data/read/table_captions.py": "data/test_some_captions: tables beside tars, against what tars say",
    "trainer/data/row_reader.py": "test_loader: rows, replacements, caches",
    "trainer/data/shard_source.py": "test_open_data and schemas/test_shard_index",
    "trainer/options/*.py": "test_config: groups of options, checked as the config that they make",
    "trainer/loss/gathered.py": "loss/test_contrastive: even, uneven and no rows on up to four workers",
    "trainer/loss/tiles.py": "loss/test_contrastive: tiles of all sizes against the whole matrix",
    "trainer/weights/form/*_names.py": "weights/test_load and test_image_geometry: weights that those projects wrote",
    "trainer/evaluate/captioned/*.py": "evaluate/test_retrieve: lists and tars, what is passed over, what is refused",
    "trainer/evaluate/tar_pictures.py": "labelled/test_tar_samples and test_retrieve read tars by it",
    "trainer/evaluate/decoded.py": "evaluate/test_zero_shot and test_retrieve: batches, what does not decode",
    "trainer/evaluate/recall.py": "evaluate/test_retrieval by hand; test_tiled_recall against a plain count",
    "trainer/evaluate/retrieval_config.py": "evaluate/test_retrieve",
    "trainer/use/classify_config.py": "use/test_classify",
    "trainer/weights/form/openai_geometry.py": "weights/test_read_model: weights by the release's names",
    "trainer/weights/form/naming.py": "weights/test_load: prefixes, leftovers and unknown kinds",
    "trainer/weights/form/*_config.py": "weights/test_geometry: configs of those projects, what is refused in them",
    "trainer/weights/convert.py": "weights/test_load: joined, transposed, fitted, refused",
    "trainer/weights/geometry_differences.py": "weights/test_geometry, test_interpolate, test_image_geometry",
    "trainer/weights/digest.py": "use/test_frozen_clip: parts, names, types; detect/model/test_detector_files",
    "trainer/weights/geometry_file.py": "weights/test_geometry",
    "trainer/weights/interpolate_config.py": "weights/test_interpolate",
    "trainer/weights/rename.py": "export/test_write_folder: there and back to the bit, by each project's names",
    "trainer/export/config.py": "export/test_export",
    "trainer/export/probes.py": "export/test_read_back",
    "trainer/export/read_onnx.py": "export/test_write_onnx: read by it what was written",
    "trainer/export/tokenizer_files.py": "export/test_read_back, test_write_onnx: ids and pixels of other programs",
    "trainer/telling/markdown.py": "evaluate/labels/test_card, export/card/test_card: strangers' text stays text",
    "trainer/saving/safetensors_header.py": "weights/test_image_geometry, saving/test_sharded_checkpoint",
    "trainer/detect/train.py": "whole commands: tests/integration/test_detect",
    "trainer/detect/evaluate.py": "whole commands: tests/integration/test_detect",
    "trainer/memory/config.py": "memory/test_table",
    "trainer/memory/planned_model.py": "memory/test_plan_memory: as it trains, option by option",
    "trainer/memory/rows_at_once.py": "of a CPU: tests/integration/test_train; of a GPU: tests/gpu/test_memory_gpu",
    "trainer/saving/held_rows.py": "saving/test_sharded_checkpoint: saved on three workers",
    "trainer/saving/parts.py": "saving/test_sharded_checkpoint: parts that come, do not come, are of others",
    "trainer/saving/shard_index.py": "saving/test_sharded_checkpoint reads what it wrote",
    "trainer/saving/stored_rows.py": "saving/test_sharded_checkpoint: any number of workers, damage",
    "trainer/saving/train_state.py": "saving/test_checkpoint writes and reads it",
    "trainer/step/micro_batches.py": "step/test_grad_cache: any cut gives the gradient of the whole batch",
    "trainer/step/random_state.py": "step/test_grad_cache: the same draws in both passes; gpu/test_grad_cache_gpu",
    "trainer/evaluate/class_accuracy.py": "on one and two workers: tests/integration/test_evaluated_while_training",
    "trainer/evaluate/labelled/class_folders.py": "evaluate/test_inputs: sorted, side files, folders of no class",
    "trainer/evaluate/labelled/columns.py": "labelled/test_path_list and test_parquet_rows: found, or named",
    "trainer/evaluate/evaluator.py": "on one and two workers: tests/integration/test_evaluated_while_training",
    "trainer/saving/final_model.py": "whole trainings: tests/integration/test_train",
    "trainer/loop.py": "whole trainings: tests/integration/test_train",
    "trainer/workers/pulse.py": "a protocol: workers/test_ray_mailbox, test_stalls; integration/test_train_cluster",
    "trainer/workers/ray_worker.py": "Ray's workers: tests/integration/test_train_ray, test_train_cluster",
    "trainer/record/run_title.py": "whole trainings: tests/integration/test_train",
    "trainer/workers/start.py": "whole commands: tests/integration/test_train_ray, test_torchrun",
    "trainer/workers/without_ray.py": "whole commands: tests/integration/test_torchrun",
    "trainer/saving/saver.py": "whole trainings, killed while it writes: tests/integration/test_killed_while_writing",
    "trainer/telling/csv_table.py": "telling/test_csv_files: rows, parts, what crashes left",
    "trainer/telling/sink.py": "a protocol: telling/test_csv_files, test_tensorboard, test_wandb_run",
    "trainer/telling/teller.py": "whole trainings: tests/integration/test_train",
    "trainer/embed/by_ray.py": "Ray's workers: tests/integration/test_embed_by_ray",
    "trainer/embed/start.py": "whole commands: tests/integration/test_embed_by_ray",
    "trainer/workers/stopped.py": "whole commands: tests/integration/test_torchrun, test_train_killed",
    "trainer/workers/ray_session.py": "workers/test_launch; integration/test_train_ray, test_embed_by_ray",
    "trainer/embed/progress.py": "a call of tqdm, and a line",
    "trainer/tokenizing/words.py": "tokenizing/test_cleaning: rules against it; test_tokenizer",
    "trainer/guide/config.py": "guide/test_guide",
    "trainer/video/progress.py": "a call of tqdm, and a line",
    "trainer/video/queries.py": "video/test_find: texts and pictures asked for",
    "trainer/video/told.py": "video/test_find: JSON, lines, summary",
    "trainer/video/moments_folder.py": "video/test_find: the folder and its sheet",
    "trainer/search/asking.py": "search/test_ask and search/test_server ask by it",
    "trainer/evaluate/embedded/options.py": "whole commands: probe/test_linear_probe, robustness/test_robustness",
    "trainer/evaluate/probe/config.py": "whole commands: probe/test_linear_probe, probe/test_few_shot_curve",
    "trainer/evaluate/prompting/config.py": "whole commands: prompting/test_prompts",
    "trainer/evaluate/robustness/config.py": "whole commands: robustness/test_robustness",
    "trainer/run.py": "whole commands: tests/integration/test_train_ray",
}
"""By pattern of a module's path: where it is tested, and why there."""

THEMES = {
    "trainer/guide/test_recipes.py": "recipes of trainer/README.md: run as they stand there",
    "pipeline/download/decode/test_decode_orientation.py": "all formats through decode/image and Pillow",
    "pipeline/download/decode/test_decode_png.py": "what stands beside a picture: decode/image, schemas/png, trainer",
    "pipeline/sources/tables/test_listed_captions.py": "captions as lists, of every kind of table",
    "querygen/test_wikitext_fuzz.py": "querygen/text as a whole, on made and on broken wikitext",
    "querygen/test_wikitext_reference.py": "querygen/text as a whole, against mwparserfromhell",
}
"""Test files over several modules."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> list[str]:
    found = (path.relative_to(ROOT) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return [path.as_posix() for path in found if path.name != "__init__.py"]


def mirror_of(module: str) -> Path:
    folder, _, name = module.rpartition("/")
    return UNIT / folder / f"test_{name}"


def runs_whole(module: str) -> bool:
    return any(part in WHOLE for part in module.removesuffix(".py").split("/")[1:])


def declares_only(module: str) -> bool:
    """Tell whether a module only gives names to values and fields: nothing in it can be called or run."""
    tree = tree_of(ROOT / module)
    plain = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.ClassDef | ast.Expr
    is_called = any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(tree))
    return not is_called and all(isinstance(statement, plain) for statement in tree.body)


def without_own_tests() -> list[str]:
    return [module for module in modules() if not mirror_of(module).exists() and not declares_only(module)]


def imported(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, in functions too, or starts with ``-m``."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    started = re.findall(r'"-m",\s*"([a-z_.]+)"', path.read_text(encoding="utf-8"))
    found |= {f"{name}.__main__" for name in started}
    known = {module.removesuffix(".py").replace("/", "."): module for module in modules()}
    return {known[name] for name in found if name in known}


def test_what_only_runs_whole_is_run() -> None:
    paths = [path for folder in RUNNING for path in (ROOT / "tests" / folder).glob("test_*.py")]
    waiting = [module for path in paths for module in imported(path) if runs_whole(module)]
    reached: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += [other for other in imported(ROOT / module) if runs_whole(other)]
    not_run = [module for module in without_own_tests() if runs_whole(module) and module not in reached]
    assert not_run == [], f"no test of tests/{{{','.join(RUNNING)}}} imports or starts these, nor what imports them"


def test_each_module_has_its_tests_or_is_listed_with_the_reason() -> None:
    missing = [
        module for module in without_own_tests()
        if not runs_whole(module) and not any(fnmatch(module, pattern) for pattern in LISTED)
    ]  # fmt: skip
    assert missing == [], "write tests/unit/.../test_NAME.py, or say in LISTED where it is tested and why there"


def test_the_list_names_what_has_no_tests_of_its_own() -> None:
    alone = without_own_tests()
    stale = [pattern for pattern in LISTED if not any(fnmatch(module, pattern) for module in alone)]
    assert stale == [], "these have their tests, or are gone: take them out of LISTED"


def test_each_test_file_mirrors_a_module_or_is_a_theme() -> None:
    mirrored = {mirror_of(module) for module in modules()}
    found = {path for package in PACKAGES for path in (UNIT / package).rglob("test_*.py")}
    strays = {path.relative_to(UNIT).as_posix() for path in found - mirrored}
    assert sorted(strays - THEMES.keys()) == [], "the module is gone or has another name; themes stand in THEMES"
    assert sorted(THEMES.keys() - strays) == [], "these mirror a module, or are gone: take them out of THEMES"
