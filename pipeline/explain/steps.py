"""The Beam steps of explain: the passes of balance that count, and two that look pairs up."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.balance.counts import counts_table, cut_by_range
from pipeline.balance.per_query_cap import list_views
from pipeline.balance.prediction import expected_selected
from pipeline.balance.settings import WORK, CandidateFile
from pipeline.balance.steps.passes import PassOverCandidates, at_end
from pipeline.balance.steps.shared_state import SharedState
from pipeline.balance.steps.totals import Totals
from pipeline.explain.places import AskedMatches
from schemas.candidate import candidate_schema
from schemas.identity import ranks
from schemas.storage import Folder
from schemas.tables import read_table, write_table

FOUND, LOWER = f"{WORK}/found", f"{WORK}/lower"


class ExpectSize(PassOverCandidates):
    """CandidateFile in, once the limits are decided; per bundle `Totals` out: the expected size."""

    def start_bundle(self) -> None:
        self._expected = 0

    def process(self, element: CandidateFile, decided: int) -> None:
        for table in self._read_alive(element, ["query_ids"]):
            offsets, query_ids = list_views(table["query_ids"])
            self._expected += expected_selected(offsets, query_ids, self._state.shares, self._settings.mode)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        yield at_end(Totals(expected=self._expected))


class FindPairs(PassOverCandidates):
    """CandidateFile in; writes its rows whose `column` holds the wanted id."""

    def __init__(self, shared: SharedState, column: str, wanted: bytes) -> None:
        super().__init__(shared)
        self._column, self._wanted = column, wanted

    def process(self, element: CandidateFile) -> None:
        found = []
        for number, table in enumerate(self._read(element, [self._column])):
            rows = pc.equal(table[self._column], pa.scalar(self._wanted, table[self._column].type))
            if pc.any(rows).as_py():
                found.append((number, rows))
        if found:
            groups = list(self._read(element, None))
            together = pa.concat_tables([groups[number].filter(rows) for number, rows in found])
            write_table(Folder(self._settings.output_url), f"{FOUND}-{element.name}", together, together.schema)


def read_found(folder: Folder, schema: pa.Schema) -> pa.Table | None:
    """Return the rows (`schema`: the candidates') that `FindPairs` found, None when there is none."""
    names = [name for name in folder.names(WORK, ".parquet") if name.startswith(f"{FOUND}-")]
    return pa.concat_tables([read_table(folder, name, schema) for name in names]).combine_chunks() if names else None


class CountLower(PassOverCandidates):
    """CandidateFile in; per bundle (range, count table) out: lower, by match: its place in `AskedMatches`."""

    def start_bundle(self) -> None:
        pairs = read_found(Folder(self._settings.output_url), candidate_schema(self._settings.extra))
        assert pairs is not None
        self._asked = AskedMatches(pairs, ranks(pairs["pair_id"], self._settings.key), self._settings.num_queries)
        self._lower = np.zeros(len(self._asked.queries), dtype=np.int64)

    def process(self, element: CandidateFile) -> None:
        for table in self._read_alive(element, ["pair_id", "query_ids"]):
            self._lower += self._asked.count_lower(table, ranks(table["pair_id"], self._settings.key))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for element in cut_by_range(counts_table("match", lower=self._lower)):
            yield at_end(element)
