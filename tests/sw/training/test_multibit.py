from dataclasses import replace

import numpy as np
import pytest
import torch

from sw import cli, networks
from sw.data import folds
from sw.data.windows import Split
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.array import bundle as array
from sw.export.array import fold as multibit_fold
from sw.export.array import golden, integer, packing
from sw.models import lockstep
from sw.models.multibit import FloatNet, MultibitNet
from sw.networks import Convolution, Model, MultibitNetwork
from sw.training import multibit as train_alq
from sw.training import train
from tests.sw.training.conftest import Tiny

NETWORK = MultibitNetwork(
    (
        Convolution(1, 6, 120, kernel=8, stride=2, pad=3, pool=4, pool_stride=2),
        Convolution(6, 8, 29, kernel=5, pad=2, pool=2, pool_stride=2),
        Convolution(8, 6, 14, kernel=14),
        Convolution(6, 2, 1, kernel=1, relu=False),
    )
)
MODEL = Model("tiny", "tiny", NETWORK)
BYTES = 330
RECIPE = replace(train_alq.Recipe(), stored_bytes=BYTES, width=1.9, utilisation=0.0, batch=12, rounds=3, round_epochs=1).shortened(
    8
)


class Stopped(Exception):
    pass


class Bar:
    """Progress bars that stop the work once, after so many steps in all."""

    def __init__(self, stop: int = -1):
        self.left = stop

    def add_task(self, *arguments, **named):
        return 0

    def update(self, *arguments, **named):
        self.left -= 1
        if self.left == 0:
            raise Stopped


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A fold trained without a break: its figures and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folds, "load", lambda task, windows, k: Split(np.arange(0, 36), np.arange(36, 48), np.arange(48, 60)))
        return train_alq.train_fold(MODEL, Tiny(), 0, RECIPE, folder, Bar()), folder


@pytest.mark.parametrize("stop", [3, 9, 13, 23])  # in the float, prune, basis and final stage
def test_an_interrupted_training_resumes_to_the_same_bits(tiny, tmp_path, whole, stop):
    with pytest.raises(Stopped):
        train_alq.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, Bar(stop))
    torch.manual_seed(999)  # whatever happened in between
    result = train_alq.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, Bar())
    assert result["predicted"] == whole[0]["predicted"]
    assert array.read(tmp_path / "bundle").sha256 == array.read(whole[1] / "bundle").sha256


def test_the_bundle_is_what_was_tested(tiny, whole):
    result, folder = whole
    packed, stored = array.read(folder / "bundle"), bundle.read_golden(folder / "bundle")
    assert len(packing.pack(packed)) <= BYTES
    assert packed.mac_width == NETWORK.mac_width(packed.bases) <= RECIPE.width
    np.testing.assert_array_equal(integer.run(packed, tiny.raw[48:]).label, result["predicted"])
    np.testing.assert_array_equal(golden.prove(packed, stored, tiny.raw[48:]).argmax(1), result["predicted"])
    assert packed.training["windows"] == {"train": 36, "validation": 12, "test": 12}
    assert packed.training["widths"]["stored_bytes"] == len(packing.pack(packed))
    # The second call reads what the first one wrote, and does not look at the test fold again.
    before = (folder / "result.json").stat().st_mtime_ns
    assert train_alq.train_fold(MODEL, tiny, 0, RECIPE, folder, Bar()) == result
    assert (folder / "result.json").stat().st_mtime_ns == before
    summary = train.summarise([result], ("a", "b"), "make train")
    assert summary["windows"] == 12
    # The canary: a golden model with one other sign or coefficient is not these integers.
    for name, change in (("convolution2.bases", np.invert), ("convolution1.alpha", lambda alpha: 2 * alpha)):
        wrong = stored | {name: change(stored[name])}
        with pytest.raises(AssertionError, match="golden model and the integers differ"):
            golden.prove(packed, wrong, tiny.raw)


def test_the_test_fold_has_no_part_in_training(tiny, tmp_path, whole):
    tiny.input[48:], tiny.raw[48:], tiny.label[48:] = 7.0, 100, 1
    train_alq.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, Bar())
    assert array.read(tmp_path / "bundle").sha256 == array.read(whole[1] / "bundle").sha256


def test_widths_adapt_and_keep_to_the_budget(tiny, whole):
    rounds = whole[0]["training"]["rounds"]
    assert [r["bases"] for r in rounds[1:]] == [r["left"] for r in rounds[:-1]]
    last = rounds[-1]["left"]
    assert NETWORK.stored_bits(last) <= 8 * BYTES and NETWORK.mac_width(last) <= RECIPE.width
    assert all(n >= layer.out_channels for n, layer in zip(last, NETWORK.layers, strict=True)), "a channel died"
    assert spread(rounds) > 1.2, "every layer shrank by the same factor: nothing was ranked across layers"


def test_widths_of_the_shipped_network_adapted():
    assert spread(array.read(bundle.SHIPPED / "alq17").training["rounds"]) > 1.5


def spread(rounds: list[dict]) -> float:
    """Share of its first bases that the most spared layer has left over that of the most pruned one, where they differ most."""
    shares = np.array([r["left"] for r in rounds]) / rounds[0]["bases"]
    return float((shares.max(axis=1) / shares.min(axis=1)).max())


@torch.no_grad()
def test_dead_channels_are_zero(tiny, tmp_path):
    torch.manual_seed(1)
    net = MultibitNet(NETWORK)
    net.start(FloatNet(NETWORK).eval(), tiny.input[:12][:, None])
    net.layers[1].bases[3], net.layers[1].alpha.data[3] = 0, 0
    net.layers[1].tidy()
    assert net.layers[1].bias[3].item() == 0
    packed = multibit_fold.export("tiny", tiny.task, net.set("fixed", rounding=True), {})
    assert packed.convolutions[1].count[3] == 0
    assert not integer.run(packed, tiny.raw).nodes["layer 2"][:, 3].any()


def test_a_size_that_can_not_be_reached(tiny, tmp_path):
    with pytest.raises(PopbeatError, match="200 bytes and a width of 1.9 can't be reached"):
        train_alq.train_fold(MODEL, tiny, 0, replace(RECIPE, stored_bytes=200), tmp_path, Bar())


def test_a_damaged_checkpoint_is_named(tiny, tmp_path):
    with pytest.raises(Stopped):
        train_alq.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, Bar(3))
    path = tmp_path / "float" / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(PopbeatError, match="delete it to train from the start"):
        train_alq.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, Bar())


def test_another_recipe_starts_anew(tiny, tmp_path, capsys):
    with pytest.raises(Stopped):
        train_alq.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, Bar(3))
    lines = train_alq.Lines(Bar(1), "tiny")
    with pytest.raises(Stopped):
        train_alq.train_twin(MODEL, tiny, 0, replace(RECIPE, seed=2), tmp_path, lines)
    assert "another recipe" in capsys.readouterr().err


def test_progress_has_a_line_a_stage(tiny, tmp_path):
    with cli.progress() as bar:
        train_alq.train_fold(MODEL, tiny, 0, RECIPE.shortened(1), tmp_path, bar)
        assert [task.description for task in bar.tasks] == [f"tiny fold 0 {s}" for s in ("float", "prune", "basis", "final")]
        assert all(task.finished for task in bar.tasks)


def test_extra_bases_come_in_whole_blocks_within_the_budgets():
    rng = np.random.default_rng(1)
    counts = [1 + (rng.random(s.out_channels) < 0.25) for s in networks.ALQ17.layers]
    second = lockstep.level(networks.ALQ17, counts, 13_834, 1.34, 29_900, 8, 0.85)
    levelled = [1 + (np.arange(s.out_channels) < n) for s, n in zip(networks.ALQ17.layers, second, strict=True)]
    cycles = useful = 0
    for shape, count, extra in zip(networks.ALQ17.layers, levelled, second, strict=True):
        rows = lockstep.layer_cycles(shape, np.ones(shape.out_channels), 8)[1]
        assert extra % rows == 0 or extra == shape.out_channels
        cycles += lockstep.layer_cycles(shape, count, 8)[0]
        useful += int(count.sum()) * lockstep.useful_additions(shape)
    assert cycles <= 29_900
    assert useful >= 0.85 * 128 * cycles
    assert networks.ALQ17.stored_bits([int(c.sum()) for c in levelled]) <= 8 * 13_834
    with pytest.raises(PopbeatError, match="9000 bytes.* one base a channel takes 11575 bytes"):
        lockstep.level(networks.ALQ17, counts, 9000, 1.34, 29_900, 8)
