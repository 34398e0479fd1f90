"""Names of the designs and strata, apart from the drawing: the command line lists them without loading what draws."""

from __future__ import annotations

from typing import Final

DESIGNS: Final = ("random", "stratified", "uncertain")
STRATA: Final = ("lang", "platform", "label", "depth", "thread")
"""What strata can be made of; ``label`` is the predicted one."""
