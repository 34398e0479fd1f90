"""Errors, and optional dependencies that are not there."""

from __future__ import annotations

import pytest

from nlp_engage import errors


@pytest.mark.parametrize("name", ["ReadError", "ModelError", "DataError", "RunError", "MissingExtraError"])
def test_one_except_clause_catches_everything_raised_on_purpose(name):
    with pytest.raises(errors.NlpEngageError, match="what is wrong"):
        raise getattr(errors, name)("what is wrong")


def test_missing_dependency_is_named_with_the_command_that_brings_it():
    with pytest.raises(errors.MissingExtraError) as caught:
        errors.require("no_such_module_here", extra="train")
    assert "'no_such_module_here'" in str(caught.value)
    assert "pip install 'nlp-engage[train]'" in str(caught.value)
    assert isinstance(caught.value, ImportError)


def test_a_dependency_that_is_there_is_imported():
    import json.decoder

    assert errors.require("json.decoder", extra="train") is json.decoder
