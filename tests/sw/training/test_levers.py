"""Levers of the training: the document is drawn from stored figures, and a lever sees validation windows alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from sw import cli, document, networks
from sw.data import protocols
from sw.errors import PopbeatError
from sw.training import beat_levers, levers
from sw.training import beats as train_beats
from sw.training import binary as train_binary
from tests.conftest import RULE_LABELS, RULE_RIGHT
from tests.sw.training.conftest import MODEL, STAGED

FIGURES = json.loads(levers.STORED.read_text())


def test_the_document_is_drawn_from_the_stored_figures():
    text = levers.DOCUMENT.read_text()
    assert document.fill(text, levers.sections(FIGURES), "levers.md") == text
    assert FIGURES["data"] == "mitdb"
    for name, model in FIGURES["models"].items():
        assert set(model["levers"]) <= set(levers.LEVERS[name])
    rule = FIGURES["models"]["bnn17"]["rule"]
    assert (rule["labelled"], rule["right"]) == (RULE_LABELS, RULE_RIGHT)


def test_each_lever_changes_something_and_only_the_recipe():
    for model, named in levers.LEVERS.items():
        for name, lever in named.items():
            base, changed = lever.base(model), lever.recipe(model, 7)
            assert changed.seed == 7
            plain = name in ("comparable", "records", "twin", "no-neighbours")
            assert (replace(changed, seed=base.seed) == base) == plain, (model, name)


def test_a_lever_is_measured_without_the_test_fold(further, tmp_path, monkeypatch):
    monkeypatch.setattr(levers.files, "BUILD", tmp_path)
    monkeypatch.setattr(protocols, "beside_validation", lambda *of: np.arange(20))
    monkeypatch.setattr(levers, "agreement", lambda data: {"windows": 60})
    monkeypatch.setattr(levers, "STORED", tmp_path / "levers.json")
    recipe, lever = replace(STAGED, seed=3), levers.Lever("", protocols.RECORDS)

    def measured(folder):
        monkeypatch.setattr(levers.files, "BUILD", tmp_path / folder)
        with cli.progress() as bar:
            return levers.measure(MODEL, further, lever, recipe, tmp_path / folder / "a", bar) | {"seconds": 0}

    run = measured("before")
    further.label[further.label >= 0] = 1 - further.label  # other labels of validation windows: other counts
    assert measured("turned") != run
    further.label[further.label >= 0] = 1 - further.label
    further.input[48:60], further.label[48:60] = 7.0, 1  # other test windows: the same
    assert measured("after") == run
    assert run["seed"] == 3
    levers.keep("bnn17", "own", run, {"windows": 60})
    levers.keep("bnn5", "brief", run, {})
    levers.keep("bnn17", "own", run | {"seed": 2}, {"windows": 60})
    assert [r["seed"] for r in levers.stored()["models"]["bnn17"]["levers"]["own"]] == [2, 3]
    assert set(levers.stored()["models"]) == {"bnn17", "bnn5"}
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


def test_the_table_of_beat_levers_is_drawn_from_the_stored_figures(tmp_path, monkeypatch):
    known, text = beat_levers.stored(), beat_levers.DOCUMENT.read_text()
    assert document.fill(text, {"levers": beat_levers.table(known["levers"])}, "beats.md") == text
    assert known["data"] == "mitdb" and set(known["levers"]) == set(beat_levers.LEVERS)
    for name, runs in known["levers"].items():
        assert {run["mark"] for run in runs} == {beat_levers.mark(name)}, f"measure anew: make levers MODEL=bnnbeat5 LEVERS={name}"
    monkeypatch.setattr(beat_levers, "STORED", tmp_path / "beats.json")
    run = known["levers"]["recipe"][0]
    for seed in (3, 2, 3):
        beat_levers.keep("twin", run | {"seed": seed})
    assert [r["seed"] for r in beat_levers.stored()["levers"]["twin"]] == [2, 3]
    beat_levers.keep("dropout", run | {"mark": "of another recipe"})
    beat_levers.keep("dropout", run | {"seed": 7})
    assert [r["seed"] for r in beat_levers.stored()["levers"]["dropout"]] == [7]
    page = tmp_path / "page.md"
    page.write_text("<!-- generated: levers -->\n<!-- end: levers -->\n")
    assert beat_levers.draw(page) in page.read_text() and "| 2, 3 |" in page.read_text()


def test_each_beat_lever_changes_something():
    recipe, network = train_beats.RECIPES[beat_levers.MODEL], networks.get(beat_levers.MODEL).network
    made = {(lever.recipe(recipe), lever.hidden, lever.binary) for lever in beat_levers.LEVERS.values()}
    assert len(made) == len(beat_levers.LEVERS) and (recipe, True, True) in made
    assert beat_levers.LEVERS["recipe"].model().network.rhythm == network.rhythm
    assert beat_levers.LEVERS["dropout"].model().network.rhythm == replace(network.rhythm, hidden=0)
