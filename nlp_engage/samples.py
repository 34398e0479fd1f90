"""Where the sample archives are: inside the wheel, or ``data/sample`` of a checkout."""

from __future__ import annotations

from pathlib import Path

from nlp_engage.errors import DataError


def sample_archives() -> Path:
    """Folder of the fictional sample archives.

    Raises:
        DataError: This installation came without them.
    """
    package = Path(__file__).resolve().parent
    for folder in (
        package / "_shipped" / "sample" / "archives",
        package.parent / "data" / "sample" / "archives",
    ):
        if folder.is_dir():
            return folder
    raise DataError("the sample archives are missing from this installation; reinstall nlp-engage")
