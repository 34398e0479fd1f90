"""Annotation: replies are drawn to be labelled by hand, sent out as sheets, and read back with who labelled what."""
