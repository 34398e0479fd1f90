"""Readers: any supported archive in, a stream of ``Comment`` out (see ``registry`` for the list of formats)."""

from nlp_engage.readers.registry import FORMATS, read

__all__ = ["FORMATS", "read"]
