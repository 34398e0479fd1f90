"""Training: rebuild or fetch a base, fine-tune, evaluate, export. Needs the extra ``train``.

The steps are the verbs ``nlp-engage base``, ``train``, ``export`` and ``evaluate``; ``docs/training.md``
walks through them.
"""
