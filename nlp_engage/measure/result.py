"""What a measurement says: one row a group, as plain values, Arrow or pandas."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import require
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    import pyarrow as pa

ESTIMATES: Final = (
    "share_mindless_interaction", "share_genuine_dialogue", "share_self_expression", "eq", "ep", "reciprocity",
    "responsiveness", "response_hours", "return_rate", "breadth", "depth", "structural_virality", "h_index",
    "graveyard_likes", "graveyard_people",
)  # fmt: skip
"""Keys that come with ``_low`` and ``_high``."""
COUNTS: Final = (
    "n_threads", "n_posts", "n_replies", "n_owner_replies", "n_unlabelled", "n_people", "likes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Rows of numbers, and what they were made with.

    Attributes:
        version: Version of the definitions, ``eq-2``.
        by: Column the rows are grouped by; ``None`` for all together, ``table`` for a table of groups.
        level: Confidence level of the intervals.
        resamples: Bootstrap resamples.
        seed: Seed of the resampling.
        groups: The rows, by name of the group.
    """

    version: str
    by: str | None
    level: float
    resamples: int
    seed: int
    groups: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a group: ``group``, counts, estimates with ``_low`` and ``_high``, ``notes``.

        A value that cannot be given is ``None``, and ``notes`` says why; there is no NaN.

        Returns:
            Counts; shares and rates in [0, 1], EQ in [0, 100], times in hours.

        >>> from nlp_engage.measure import measure
        >>> from nlp_engage.measure.worked import worked_archive
        >>> [(row["group"], row["n_replies"]) for row in measure(worked_archive(2), by="thread_id").rows()]
        [('t0', 7), ('t1', 6)]
        """
        return [{**row, "notes": dict(row["notes"])} for row in self.groups]

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table: counts as int64, estimates as float64, ``notes`` as JSON text.

        Corrected shares have columns where they were asked for.

        Returns:
            One row a group, null where there is no value.

        >>> from nlp_engage.measure import measure
        >>> from nlp_engage.measure.worked import worked_archive
        >>> measure(worked_archive(2), by="thread_id").to_arrow().column("n_replies").to_pylist()
        [7, 6]
        """
        import pyarrow as pa

        fields = [("group", pa.string()), *((key, pa.int64()) for key in COUNTS)]
        fields += [(key + end, pa.float64()) for key in ESTIMATES for end in ("", "_low", "_high")]
        given = self.groups[0] if self.groups else {}
        extra = [key for label in LABELS for key in (f"share_{label}_corrected", f"share_{label}_emq")]
        ends = {key: ("",) if key.endswith("_emq") else ("", "_low", "_high") for key in extra}
        fields += [(key + end, pa.float64()) for key in extra if key in given for end in ends[key]]
        rows = [{**row, "notes": json.dumps(row["notes"], ensure_ascii=False)} for row in self.groups]
        return pa.Table.from_pylist(rows, schema=pa.schema([*fields, ("notes", pa.string())]))

    def to_pandas(self) -> Any:
        """The rows as a pandas ``DataFrame``.

        Returns:
            One row a group.

        Raises:
            MissingExtraError: pandas is not installed (extra ``pandas``).
        """
        require("pandas", extra="pandas")
        return self.to_arrow().to_pandas()
