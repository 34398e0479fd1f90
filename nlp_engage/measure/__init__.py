"""The engagement measure, version ``eq-2``: shares, EQ, EP and their companions, with thread-bootstrap intervals."""

from nlp_engage.measure.core import measure, measure_table
from nlp_engage.measure.credit import VERSION
from nlp_engage.measure.facts import collect
from nlp_engage.measure.quantify import HeldOut, held_out, held_out_of
from nlp_engage.measure.result import COUNTS, ESTIMATES, Measurement
from nlp_engage.measure.table import ReplyTable

__all__ = [
    "COUNTS",
    "ESTIMATES",
    "VERSION",
    "HeldOut",
    "Measurement",
    "ReplyTable",
    "collect",
    "held_out",
    "held_out_of",
    "measure",
    "measure_table",
]
