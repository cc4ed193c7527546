"""What explain says, as JSON values: from counts and limits to sizes, shares, top queries and reasons. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.balance.caps import tail_share
from pipeline.balance.counts import dense
from pipeline.balance.limits import Limits
from pipeline.balance.probabilistic import draw_bounds
from pipeline.balance.refill.earlier import Earlier
from pipeline.balance.settings import Settings
from schemas.arrow_types import list_array, values_of
from schemas.buffers import one_chunk, words_from_ids
from schemas.identity import draws, ranks
from schemas.text import normal_form

TOP_QUERIES = 50


def before_facts(
    mode: str, num_candidates: int, expected: float, queries: pa.Table, limits: Limits, languages: Sequence[str]
) -> dict[str, Any]:
    """Return what a balance will do: its expected size by the formula of its mode, and the shape of the matches."""
    return {
        "mode": mode,
        "caps": dict(zip(languages, limits.language_caps, strict=True)),
        "candidates": num_candidates,
        "matches": int(limits.matched.sum()),
        "matches_per_candidate": _ratio(int(limits.matched.sum()), num_candidates),
        "expected_selected": round(expected, 3),
        "tail_share": tail_share(limits.matched, limits.caps),
        **limits.shape(),
        "top_queries": [
            {**_query(queries, query), "matched": int(limits.matched[query]), "cap": int(limits.caps[query])}
            for query in _top(limits.matched)
        ],
    }


def after_facts(summary: dict[str, Any], queries: pa.Table, counts: pa.Table) -> dict[str, Any]:
    """Return what a balance did, from its manifest's summary and ``query_counts.parquet``."""
    found = summary["counts"]
    selected = found["selected_pairs"] + found["selected_before"]
    matched = counts["matched"].to_numpy()
    return {
        "mode": summary["config"]["mode"],
        "caps": summary["caps"],
        "refill": summary["refill"],
        "candidates": found["candidates"],
        "expected_selected": found["expected_selected"],
        "realised_selected": selected,
        "selected_before": found["selected_before"],
        "images": found["images"],
        "matches": found["matches"],
        "matches_of_selected": found["matches_of_selected"],
        "matches_per_text": _ratio(found["matches_of_selected"], selected),
        "matches_per_image": None if summary["refill"] else _ratio(found["matches_of_selected"], found["images"]),
        "tail_share": summary["tail_share"],
        **summary["queries"],
        "not_refillable": summary["not_refillable"],
        "top_queries": [{**_query(queries, query), **_counted(counts, query)} for query in _top(matched)],
    }


def query_facts(
    asked: Sequence[str], queries: pa.Table, counts: pa.Table, caps: dict[str, int]
) -> list[dict[str, Any]]:
    """Return, for each query asked for by text or surface, how many pairs it matches and keeps, and why.

    Raises ValueError for one that is not in the list.
    """
    found = []
    for text in asked:
        rows = pc.or_(pc.equal(queries["text"], normal_form(text)), pc.equal(queries["surface"], text))
        ids = values_of(queries["query_id"].filter(rows))
        if not ids:
            raise ValueError(f"--query {text!r}: not in the query list (normal form {normal_form(text)!r})")
        for query in ids:
            fact = {**_query(queries, query), **_counted(counts, query)}
            cap, matched = caps[fact["language"]], fact["matched"]
            fact |= {"cap": cap, "keep_probability": round(min(1.0, cap / max(1, matched)), 6)}
            found.append({**fact, "why": _why_query(matched, cap)})
    return found


def _why_query(matched: int, cap: int) -> str:
    if matched == 0:
        return "no candidate matches it"
    if matched <= cap:
        return "matches no more pairs than the cap: keeps all of them"
    return "matches more pairs than the cap: keeps those of lowest rank (or by draw), about cap / matched of them"


def pair_facts(
    pairs: pa.Table, lower: pa.Table, queries: pa.Table, limits: Limits, settings: Settings, earlier: Earlier | None
) -> list[dict[str, Any]]:
    """Return, for each pair, its rank and for each of its queries whether it keeps the pair, and why.

    `lower` counts, per match of the pairs in order, the pairs of the same query with a lower (rank, pair_id); of a
    refill (`earlier`) those whose image has not failed.
    """
    rank = ranks(pairs["pair_id"], settings.key)
    num_matches = len(list_array(one_chunk(pairs["query_ids"])).flatten())
    places = dense(lower, "lower", num_matches) + 1
    bounds = draw_bounds(limits.matched, limits.caps)
    alive = earlier.alive(pairs) if earlier is not None else np.ones(len(pairs), dtype=np.bool_)
    before = earlier.selected(pairs) if earlier is not None else np.zeros(len(pairs), dtype=np.bool_)
    found, match = [], 0
    for row, pair in enumerate(pairs.select(["pair_id", "image_id", "url", "caption", "query_ids"]).to_pylist()):
        matches = []
        for query in pair["query_ids"]:
            fact = {**_query(queries, query), "matched": int(limits.matched[query]), "cap": int(limits.caps[query])}
            if not alive[row]:
                kept = False
                fact["why"] = "its image failed: a refill leaves the pair out"
            elif settings.mode == "per_query_cap":
                fact["place"] = int(places[match])
                kept = fact["place"] <= fact["cap"]
                order = f"place {fact['place']} by rank of {fact['matched']}"
                fact["why"] = f"{order}, {'within' if kept else 'beyond'} the cap of {fact['cap']}"
            else:
                drawn = _draw(pairs.slice(row, 1), query, settings.key)
                kept = drawn <= int(bounds[query])
                fact["why"] = f"draw {drawn} is {'up to' if kept else 'above'} {int(bounds[query])}"
            matches.append({**fact, "kept": kept})
            match += 1
        found.append(
            {
                "pair_id": pair["pair_id"].hex(),
                "image_id": pair["image_id"].hex(),
                "url": pair["url"],
                "caption": pair["caption"],
                "rank": int(rank[row]),
                "selected": any(fact["kept"] for fact in matches),
                **({"selected_before": bool(before[row])} if earlier is not None else {}),
                "queries": matches,
            }
        )
    return found


def _draw(pair: pa.Table, query: int, key: bytes) -> int:
    return int(draws(words_from_ids(pair["pair_id"]), np.array([query], dtype=np.int32), key)[0])


def _query(queries: pa.Table, query: int) -> dict[str, Any]:
    row = queries.slice(int(query), 1).select(["query_id", "text", "language"]).to_pylist()[0]
    return {"query_id": row["query_id"], "query": row["text"], "language": row["language"]}


def _counted(counts: pa.Table, query: int) -> dict[str, Any]:
    row: dict[str, Any] = counts.slice(int(query), 1).to_pylist()[0]
    return {name: value for name, value in row.items() if name != "query_id"}


def _top(matched: npt.NDArray[np.int64]) -> list[int]:
    """Return the queries of most matches, most first, the lower id first of equals."""
    order = np.lexsort((np.arange(len(matched)), -matched))[:TOP_QUERIES]
    return [int(query) for query in order if matched[query]]


def _ratio(amount: int, of: int) -> float:
    return round(amount / max(1, of), 3)
