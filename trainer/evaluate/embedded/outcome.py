"""The output folder of a measurement: claimed before it is made, results and plots written, the manifest last."""

from typing import Any

from schemas.manifest import write_manifest
from schemas.run_options import identity_options
from schemas.run_record import RunRecord, start_run
from schemas.storage import FileRecord, Folder
from trainer.evaluate.embedded.options import FeatureOptions

RESULTS_FILE = "results.json"


class Outcome:
    """Where results go; nowhere without ``--output``."""

    def __init__(self, command: str, options: FeatureOptions, inputs: dict[str, str]) -> None:
        """Claim the folder for a run of these inputs, by name their SHA-256. Raises `FolderConflict`."""
        self._files: list[FileRecord] = []
        self._record = RunRecord(
            command=command,
            config=identity_options(options),
            inputs=[{"name": name, "sha256": digest} for name, digest in inputs.items()],
            paths={"checkpoint": options.checkpoint},
        )
        self._folder = None if options.output is None else Folder(options.output)
        if self._folder is not None:
            start_run(self._folder, self._record)

    def write(self, name: str, data: bytes, rows: int = 0) -> None:
        """Write a table or a plot."""
        if self._folder is not None:
            self._files.append(self._folder.write(name, data, rows))

    def finish(self, results: dict[str, Any], *, rows: int, summary: dict[str, Any]) -> None:
        """Write ``results.json``, then the manifest."""
        if self._folder is not None:
            self._files.append(self._folder.write_json(RESULTS_FILE, results))
            write_manifest(
                self._folder, "evaluation", self._files, rows=rows, identity=self._record.identity, summary=summary
            )
