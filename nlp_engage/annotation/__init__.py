"""Annotation: replies are drawn to be labelled by hand, sent out as sheets, and read back with who labelled what."""

from nlp_engage.annotation.codings import Codings, gather
from nlp_engage.annotation.draw import DESIGNS, STRATA, Draw, draw_replies
from nlp_engage.annotation.sheets import read_sheet, write_sheet

__all__ = ["DESIGNS", "STRATA", "Codings", "Draw", "draw_replies", "gather", "read_sheet", "write_sheet"]
