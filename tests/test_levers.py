"""Levers of the training: the document is drawn from stored figures, and a lever sees validation windows alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from sw import cli, document, levers, train_binary
from sw.data import protocols
from sw.errors import PopbeatError
from tests import test_pseudo_labels
from tests.test_train import MODEL, STAGED, Further, further, tiny  # noqa: F401 (fixtures)

FIGURES = json.loads(levers.STORED.read_text())


def test_the_document_is_drawn_from_the_stored_figures():
    text = levers.DOCUMENT.read_text()
    assert document.fill(text, levers.sections(FIGURES), "accuracy.md") == text
    assert FIGURES["data"] == "mitdb"
    for name, model in FIGURES["models"].items():
        assert set(model["levers"]) <= set(levers.LEVERS[name])
    rule = FIGURES["models"]["bnn17"]["rule"]
    assert (rule["labelled"], rule["right"]) == (test_pseudo_labels.LABELLED, test_pseudo_labels.RIGHT)


def test_each_lever_changes_something_and_only_the_recipe():
    for model, named in levers.LEVERS.items():
        for name, lever in named.items():
            base, changed = lever.base(model), lever.recipe(model, 7)
            assert changed.seed == 7
            plain = name in ("comparable", "records", "twin", "no-neighbours")
            assert (replace(changed, seed=base.seed) == base) == plain, (model, name)


def test_a_lever_is_measured_without_the_test_fold(further, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(levers.files, "BUILD", tmp_path)
    monkeypatch.setattr(protocols, "beside_validation", lambda *of: np.arange(20))
    further.input[48:60] = float("nan")  # a look at a test window would show
    recipe = replace(STAGED, seed=3)
    with cli.progress() as bar:
        run = levers.measure(MODEL, further, levers.Lever("", protocols.RECORDS), recipe, tmp_path / "a", bar)
    assert run["seed"] == 3
    assert run["validation"]["windows"] == 12 and run["beside"]["windows"] == 20
    table = levers.table("bnn17", {"own": [run, run | {"seed": 4}], "records": [run]})
    assert table.index("| `records` |") < table.index("| `own` |") and "| 0.0 | 3, 4 |" in table


def test_unknown_lever():
    done = CliRunner().invoke(levers.app, ["--lever", "luck"])
    assert isinstance(done.exception, PopbeatError)
    with pytest.raises(PopbeatError, match="unknown lever 'luck' of bnn17; there are comparable, "):
        raise done.exception


def test_recipes_of_the_protocols():
    assert train_binary.RECIPES["bnn17"].pretraining is None
    assert train_binary.RECORDS_RECIPES["bnn17"].pretraining.own == 0
