"""The columns carried through, in their final types: what the parts noted of open columns in, typed columns out.

Parts hold open columns as plain text (`pipeline.sources.tables.value_kinds`); the kinds that all parts noted together
decide, so the types do not depend on how the input was cut, nor on which part ends first.
"""

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources.source import Source
from pipeline.sources.tables.value_kinds import settled, settled_type
from schemas.buffers import one_chunk
from schemas.units import Unit

KINDS = "extra_kinds"
"""Of a part: the kinds of the values of its open columns."""


def settled_extra(source: Source, parts: list[Unit]) -> pa.StructType:
    """Return the type of the column ``extra`` of the candidates, when all `parts` are read."""
    kinds = _kinds(parts)
    return pa.struct([(field.name, settled_type(kinds[field.name]) if field.name in kinds else field.type)
                      for field in source.extra])  # fmt: skip


def empty_columns(parts: list[Unit]) -> list[str]:
    """Return the open columns without a value in any of `parts`: perhaps none is called so."""
    return sorted(name for name, seen in _kinds(parts).items() if not seen)


def _kinds(parts: list[Unit]) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for unit in parts:
        for name, seen in unit.body.counts(KINDS).items():
            kinds[name] = kinds.get(name, 0) | seen
    return kinds


def with_settled(table: pa.Table, extra: pa.StructType) -> pa.Table:
    """Return the candidates of a part with their open columns in the types of `extra`."""
    if not extra.num_fields or table.schema.field("extra").type == extra:
        return table
    column = one_chunk(table["extra"])
    values = [
        found if found.type == field.type else settled(found, field.type)
        for field, found in ((field, pc.struct_field(column, field.name)) for field in extra)
    ]
    place = table.schema.get_field_index("extra")
    return table.set_column(place, pa.field("extra", extra), pa.StructArray.from_arrays(values, fields=list(extra)))
