"""Training: rebuild or fetch a base, fine-tune, evaluate, export. Needs the extra ``train``.

``python -m nlp_engage.train --help`` lists the steps; ``docs/training.md`` walks through them.
"""
