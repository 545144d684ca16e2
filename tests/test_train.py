"""Training: it resumes to the same bits, its bundle is what it says, and the test fold stays closed until the end."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from sw import cli, files, networks, train
from sw.data import folds, tasks
from sw.errors import PopbeatError
from sw.export import bundle, fold, integer
from sw.networks import BinaryNetwork, Model


class Tiny:
    """Training data of noise in two classes, short windows; the interface of ``train.Data``."""

    def __init__(self):
        rng = np.random.default_rng(1)
        n, length = 60, 120
        label = np.arange(n) % 2
        raw = rng.integers(-300, 300, (n, length)) + (label[:, None] * 400 * np.sin(np.arange(length) / 4)).astype(int)
        self.raw = raw.astype(np.int16)
        self.task = tasks.Task("tiny", ("a", "b"), length, lambda source: [])
        self.windows = tasks.Windows(np.array(["1", "2"])[label], np.arange(n), np.full(n, "MLII"), label)
        self.label = torch.from_numpy(label)
        z, _ = bundle.NormaliserSpec(window=length).normalise(self.raw)
        self.input = torch.from_numpy(z.astype(np.float32) / 256)
        self.source = type("Source", (), {"kind": "noise"})()
        self.further = None


MODEL = Model("tiny", "tiny", BinaryNetwork((3, 4, 2), 120))
RECIPE = train.Recipe(epochs=8, batch=12)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(folds, "load", lambda task, windows, k: folds.Split(np.arange(0, 36), np.arange(36, 48), np.arange(48, 60)))
    return Tiny()


def state(trainer):
    return {k: v.clone() for k, v in trainer._state().items() if k != "progress"}


@pytest.mark.parametrize("binary", [True, False])
def test_an_interrupted_training_resumes_to_the_same_bits(tiny, tmp_path, binary):
    whole = train.Trainer(MODEL, tiny, train.Part(0), binary, RECIPE, tmp_path / "whole")
    whole.run(lambda accuracy: None)

    class Interrupted(Exception):
        pass

    def stop(accuracy):
        if first.epoch == 3:
            raise Interrupted

    first = train.Trainer(MODEL, tiny, train.Part(0), binary, RECIPE, tmp_path / "parts")
    with pytest.raises(Interrupted):
        first.run(stop)
    torch.manual_seed(999)  # whatever happened in between
    second = train.Trainer(MODEL, tiny, train.Part(0), binary, RECIPE, tmp_path / "parts")
    assert second.epoch == 3
    second.run(lambda accuracy: None)
    expected, seen = state(whole), state(second)
    assert expected.keys() == seen.keys()
    for name in expected:
        assert torch.equal(expected[name], seen[name]), name
    assert second.best == whole.best


def test_another_recipe_starts_anew(tiny, tmp_path, capsys):
    train.Trainer(MODEL, tiny, train.Part(0), True, RECIPE, tmp_path).run(lambda accuracy: None)
    other = train.Trainer(MODEL, tiny, train.Part(0), True, train.Recipe(epochs=9, batch=12), tmp_path)
    assert other.epoch == 0
    assert "another recipe" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named(tiny, tmp_path):
    train.Trainer(MODEL, tiny, train.Part(0), True, RECIPE, tmp_path).run(lambda accuracy: None)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(PopbeatError, match=r"checkpoint.safetensors can't be read .* delete it"):
        train.Trainer(MODEL, tiny, train.Part(0), True, RECIPE, tmp_path)


def test_a_fold_writes_its_bundle_and_figures(tiny, tmp_path):
    with cli.progress() as bar:
        result = train.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, bar)
        packed = bundle.read(tmp_path / "bundle")
        np.testing.assert_array_equal(integer.run(packed, tiny.raw[48:]).label, result["predicted"])
        golden = fold.golden(MODEL.network, bundle.read_golden(tmp_path / "bundle"))
        np.testing.assert_array_equal(fold.golden_logits(golden, packed, tiny.raw), integer.run(packed, tiny.raw).logits)
        # The second call reads what the first one wrote, and does not look at the test fold again.
        before = (tmp_path / "result.json").stat().st_mtime_ns
        assert train.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, bar) == result
        assert (tmp_path / "result.json").stat().st_mtime_ns == before
    summary = train.summarise([result], ("a", "b"), "make train")
    assert summary["windows"] == 12
    assert summary["record_majority"] == 1.0
    assert summary["class_majority"] == 0.5
    assert packed.training["fold"] == 0
    assert packed.training["data"] == "noise"


def test_the_test_fold_has_no_part_in_training(tiny, tmp_path):
    first = train.Trainer(MODEL, tiny, train.Part(0), True, RECIPE, tmp_path / "a")
    first.run(lambda accuracy: None)
    tiny.input[48:], tiny.label[48:] = 7.0, 1
    second = train.Trainer(MODEL, tiny, train.Part(0), True, RECIPE, tmp_path / "b")
    second.run(lambda accuracy: None)
    for name, value in state(first).items():
        assert torch.equal(value, state(second)[name]), name


def test_golden_parameters_hold_the_used_weights(tiny, tmp_path):
    trainer = train.Trainer(MODEL, tiny, train.Part(0), True, RECIPE, tmp_path)
    parameters = fold.parameters(trainer.net)
    assert parameters["blocks.0.weight"].dtype == np.int8
    assert set(np.unique(parameters["blocks.0.weight"])) == {-1, 1}
    bundle_file = files.write_bytes(tmp_path / "g.safetensors", train.save(parameters))
    assert load(bundle_file.read_bytes()).keys() == parameters.keys()


def test_unknown_folds_and_models():
    from typer.testing import CliRunner

    for arguments, message in ((["--folds", "9"], "FOLDS is"), (["--model", "bnn6"], "unknown model")):
        done = CliRunner().invoke(train.app, arguments)
        assert isinstance(done.exception, PopbeatError)
        assert message in str(done.exception)
    assert networks.get("bnn5").task == "window-5"
