"""Several seeds of the beat network: the one to ship is chosen before DS2 is opened."""

from types import SimpleNamespace

import numpy as np
import pytest

from docs.generate import beats as tables
from sw import files, networks
from sw.errors import PopbeatError
from sw.training import beat_levers, beat_seeds, beats
from tests.sim.test_run import NoBar

GOOD = dict.fromkeys(beats.WANTED, 0.99)


def test_seeds_are_numbers_each_once():
    assert beat_seeds.numbers("3, 1,2") == [3, 1, 2]
    for wrong in ("1,1", "0", "a", "1,,2", "-3"):
        with pytest.raises(PopbeatError, match="SEEDS="):
            beat_seeds.numbers(wrong)


def test_the_least_lacking_is_chosen_then_the_most_accurate():
    poor = GOOD | {"S_sensitivity": 0.1}
    assert beat_seeds.choose({1: poor, 2: GOOD, 3: GOOD | {"accuracy": 0.995}, 4: GOOD}) == 3
    assert beat_seeds.choose({7: poor, 9: poor}) == 7


def test_the_choice_is_written_down_before_anything_is_tested(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BUILD", tmp_path)
    held = {1: GOOD | {"S_sensitivity": 0.5}, 2: GOOD}
    told = np.array([0, 1, 2, 0])
    windows = SimpleNamespace(label=np.array([0, 1, 2, 1]), record=np.array(["100"] * 4), positions=lambda: [])
    data = SimpleNamespace(windows=windows, raw=np.zeros(4, np.int16), source=SimpleNamespace(kind="mitdb"))
    split = SimpleNamespace(train=np.array([0]), test=np.arange(4))
    monkeypatch.setattr(beat_seeds.beats, "inter_patient", lambda windows: split)
    patients = lambda model, data, known, binary, recipe, home, bar: (None, (0.0,) * 5, held[recipe.seed])  # noqa: E731
    monkeypatch.setattr(beat_seeds, "_patients", patients)

    def finish(*of):
        assert files.read_json(tmp_path / "bnnbeat5" / "seeds" / "chosen.json")["chosen"] == 2
        return told

    monkeypatch.setattr(beat_seeds, "_finish", finish)
    model = networks.get("bnnbeat5")
    found = beat_seeds.run(model, data, beats.RECIPES["bnnbeat5"], [1, 2], NoBar())
    assert found["chosen"] == 2 and found["DS2"]["1"]["accuracy"] == 0.75
    assert beat_seeds.spread(found, "held_out")["S_sensitivity"] == (0.745, 0.5, 0.99)
    monkeypatch.setattr(beat_levers, "STORED", tmp_path / "beats.json")
    assert "Not measured yet" in tables.seeds({})
    files.write_json(tmp_path / "beats.json", {"seeds": found | {"command": "make x"}})
    assert "| 2 seeds, patients of DS1 held out | 99.0 (99.0 to 99.0) | 74.5 (50.0 to 99.0) |" in tables.seeds({})


@pytest.mark.parametrize(("kind", "shortened"), [("synthetic", False), ("mitdb", True), ("mitdb", False)])
def test_what_is_published_is_of_the_whole_recipe_on_real_recordings(tmp_path, monkeypatch, capsys, kind, shortened):
    monkeypatch.setattr(beat_seeds.beat_levers, "STORED", tmp_path / "beats.json")
    monkeypatch.setattr(beat_seeds, "run", lambda model, data, recipe, seeds, bar: {"seeds": seeds, "chosen": 1})
    monkeypatch.setattr(beat_seeds, "show", lambda found: None)
    data = SimpleNamespace(source=SimpleNamespace(kind=kind))
    beat_seeds.train(networks.get("bnnbeat5"), data, beats.RECIPES["bnnbeat5"], "1,2", shortened=shortened)
    published = kind == "mitdb" and not shortened
    assert (tmp_path / "beats.json").is_file() == published == ("are not stored" not in capsys.readouterr().out)
    if published:
        assert files.read_json(tmp_path / "beats.json")["seeds"]["command"] == "make train MODEL=bnnbeat5 SEEDS=1,2"
