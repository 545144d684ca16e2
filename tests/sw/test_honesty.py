"""What is said of networks' figures between patients is what is stored."""

import json

import pytest

from sw import honesty
from sw.export import bundle, bundles


@pytest.mark.parametrize(
    ("accuracy", "says"),
    [
        ({"between-patients": {"accuracy": 0.3209, "class_majority": 0.2974}}, "m reaches 32.1 % accuracy (29.7 % by always"),
        ({"inter-patient": {"accuracy": 0.9361, "class_majority": 0.89}, "comparable": {"accuracy": 1.0}}, "m reaches 93.6 %"),
        (
            {"inter-patient": {"micro_f1": 0.3916, "guessing": {"class_majority": {"micro_f1": 0.5778}}}},
            "a micro-F1 of 0.392 (0.578 by guessing",
        ),
        ({"comparable": {"accuracy": 1.0}}, "was not measured"),
    ],
)
def test_the_figure_is_the_stored_one(tmp_path, monkeypatch, accuracy, says):
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"schema": 1, "models": {"m": {"accuracy": accuracy}}}))
    monkeypatch.setattr(honesty, "STORED", path)
    packed = bundles.read(bundle.SHIPPED / "bnn5")
    monkeypatch.setattr(honesty.bundle, "SHIPPED", tmp_path)
    (tmp_path / "m").mkdir()
    monkeypatch.setattr(honesty.bundles, "read", lambda folder: packed)
    said = honesty.reached("m", packed.sha256)
    assert says in said and "no medical device" in said
    assert "was not measured" in honesty.reached("m", "f" * 64)


def test_every_shipped_model_has_its_line():
    assert "was not measured" in honesty.reached("another", "f" * 64)
    for model in ("bnn17", "bnn5", "lamscn17", "gasf5", "bnnbeat5"):
        packed = bundles.read(bundle.SHIPPED / model)
        assert f"{model} reaches" in honesty.reached(model, packed.sha256)
        assert "this network" in honesty.reached(model, "f" * 64), "another one of that model"
