"""Readers: any supported archive in, a stream of ``Comment`` out (see ``registry`` for the list of formats)."""
