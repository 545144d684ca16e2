"""Training: it resumes to the same bits, its bundle is what it says, and the test fold stays closed until the end."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from sw import campaign, cli, files, networks
from sw.data import protocols
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.binary import fold, integer
from sw.models.binary import BinaryNet
from sw.training import binary as train_binary
from sw.training import folds as train_folds
from sw.training import train
from sw.training.trainer import Part, Recipe, Trainer, augment
from tests.sw.training.conftest import MODEL, STAGED, Tiny

RECIPE = Recipe(epochs=8, batch=12)


def state(trainer):
    return {k: v.clone() for k, v in trainer._state().items() if k != "progress"}


@pytest.mark.parametrize("binary", [True, False])
def test_an_interrupted_training_resumes_to_the_same_bits(tiny, tmp_path, binary):
    whole = Trainer(MODEL, tiny, Part(0), binary, RECIPE, tmp_path / "whole")
    whole.run(lambda accuracy: None)

    class Interrupted(Exception):
        pass

    def stop(accuracy):
        if first.epoch == 3:
            raise Interrupted

    first = Trainer(MODEL, tiny, Part(0), binary, RECIPE, tmp_path / "parts")
    with pytest.raises(Interrupted):
        first.run(stop)
    torch.manual_seed(999)  # whatever happened in between
    second = Trainer(MODEL, tiny, Part(0), binary, RECIPE, tmp_path / "parts")
    assert second.epoch == 3
    second.run(lambda accuracy: None)
    expected, seen = state(whole), state(second)
    assert expected.keys() == seen.keys()
    for name in expected:
        assert torch.equal(expected[name], seen[name]), name
    assert second.best == whole.best


def test_averages_compete_and_resume(tiny, tmp_path):
    recipe = replace(RECIPE, average=0.9)
    whole = Trainer(MODEL, tiny, Part(0), True, recipe, tmp_path / "whole")
    seen, steps = [], [0]
    keep = whole._keep_average

    def kept():
        keep()
        seen.append({name: value.detach().clone() for name, value in whole.net.named_parameters()})

    whole._keep_average = kept
    whole.run(lambda accuracy: steps.append(len(seen)))
    assert steps[6] == 0 and steps[7] > 0 and steps[8] == 2 * steps[7]  # the last quarter of eight epochs
    name = "blocks.1.weight"
    expected = seen[0][name]
    for parameters in seen[1:]:
        expected = 0.9 * expected + 0.1 * parameters[name]
    torch.testing.assert_close(whole.averaged[name], expected)
    net = whole._average()
    assert torch.equal(net.blocks[1].weight, whole.averaged[name]) and not torch.equal(
        net.blocks[1].weight, whole.net.blocks[1].weight
    )
    x = tiny.input[torch.from_numpy(whole.split.train)]
    mean = net.blocks[0].pooled(x[:, None]).clamp(min=0).mean(dim=(0, 2))  # augmented and drawn anew: alike, not equal
    assert torch.corrcoef(torch.stack([mean, net.blocks[0].norm.running_mean]))[0, 1] > 0.9
    left = iter(range(6))
    with pytest.raises(StopIteration):
        Trainer(MODEL, tiny, Part(0), True, recipe, tmp_path / "part").run(lambda accuracy: next(left))
    second = Trainer(MODEL, tiny, Part(0), True, recipe, tmp_path / "part")
    assert second.epoch == 7 and second.averaged
    second.run(lambda accuracy: None)
    again = Trainer(MODEL, tiny, Part(0), True, recipe, tmp_path / "whole")
    for name, value in state(again).items():
        assert torch.equal(value, state(second)[name]), name


def test_another_recipe_starts_anew(tiny, tmp_path, capsys):
    Trainer(MODEL, tiny, Part(0), True, RECIPE, tmp_path).run(lambda accuracy: None)
    other = Trainer(MODEL, tiny, Part(0), True, Recipe(epochs=9, batch=12), tmp_path)
    assert other.epoch == 0
    assert "another recipe" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named(tiny, tmp_path):
    Trainer(MODEL, tiny, Part(0), True, RECIPE, tmp_path).run(lambda accuracy: None)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(PopbeatError, match=r"checkpoint.safetensors can't be read .* delete it"):
        Trainer(MODEL, tiny, Part(0), True, RECIPE, tmp_path)


def test_a_fold_writes_its_bundle_and_figures(tiny, tmp_path):
    with cli.progress() as bar:
        result = train_binary.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, bar)
        packed = bundle.read(tmp_path / "bundle")
        np.testing.assert_array_equal(integer.run(packed, tiny.raw[48:]).label, result["predicted"])
        golden = fold.golden(MODEL.network, bundle.read_golden(tmp_path / "bundle"))
        np.testing.assert_array_equal(fold.golden_logits(golden, packed, tiny.raw), integer.run(packed, tiny.raw).logits)
        # The second call reads what the first one wrote, and does not look at the test fold again.
        before = (tmp_path / "result.json").stat().st_mtime_ns
        assert train_binary.train_fold(MODEL, tiny, 0, RECIPE, tmp_path, bar) == result
        assert (tmp_path / "result.json").stat().st_mtime_ns == before
    summary = train.summarise([result], ("a", "b"), "make train")
    assert summary["windows"] == 12
    assert summary["record_majority"] == 1.0
    assert summary["class_majority"] == 0.5
    assert packed.training["fold"] == 0
    assert packed.training["data"] == "noise"


def test_the_test_fold_has_no_part_in_training(tiny, tmp_path):
    first = Trainer(MODEL, tiny, Part(0), True, RECIPE, tmp_path / "a")
    first.run(lambda accuracy: None)
    tiny.input[48:], tiny.label[48:] = 7.0, 1
    second = Trainer(MODEL, tiny, Part(0), True, RECIPE, tmp_path / "b")
    second.run(lambda accuracy: None)
    for name, value in state(first).items():
        assert torch.equal(value, state(second)[name]), name


def test_golden_parameters_hold_the_used_weights(tiny, tmp_path):
    trainer = Trainer(MODEL, tiny, Part(0), True, RECIPE, tmp_path)
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


@pytest.mark.parametrize("protocol", [protocols.RECORDS, protocols.NO_NEIGHBOURS])
def test_a_fold_with_further_windows(further, tmp_path, protocol):
    folder = tmp_path / protocol / "fold0"
    with cli.progress() as bar:
        result = train_binary.train_fold(MODEL, further, 0, STAGED, folder, bar, protocol)
    packed = bundle.read(folder / "bundle")
    np.testing.assert_array_equal(integer.run(packed, further.raw[48:]).label, result["predicted"])
    assert packed.training["protocol"] == protocol
    assert packed.training["windows"]["further"] == 24
    assert len(list((tmp_path / "pretrained").glob("*/binary/checkpoint.safetensors"))) == 1


def test_a_staged_training_resumes_to_the_same_bits(further, tmp_path):
    recipe, twin = STAGED.pretraining, Trainer(MODEL, further, Part(None), False, RECIPE, tmp_path / "twin").net

    def trainer(name):
        return Trainer(MODEL, further, Part(None), True, recipe, tmp_path / name, twin.state_dict())

    whole, kinds = trainer("whole"), []
    whole.run(lambda accuracy: kinds.append([block.binary for block in whole.net.blocks]))
    assert kinds == [[False] * 3] * 2 + [[True] * 3] * 2
    assert whole.best[2] == whole.epochs == 4  # no validation windows: the last epoch counts
    for stop in (1, 2, 3):  # among signs, between the stages, among weights of +-1
        left = iter(range(stop - 1))
        with pytest.raises(StopIteration):
            trainer(f"part{stop}").run(lambda accuracy, left=left: next(left))
        torch.manual_seed(999)
        second = trainer(f"part{stop}")
        assert second.epoch == stop
        second.run(lambda accuracy: None)
        for name, value in state(whole).items():
            assert torch.equal(value, state(second)[name]), (stop, name)


def test_a_staged_training_without_pretraining_starts_from_its_own_twin(further, tmp_path):
    recipe = replace(STAGED.pretraining, own=0.5, epochs=1)
    with cli.progress() as bar:
        train_binary.train_fold(MODEL, further, 0, recipe, tmp_path / "a" / "fold0", bar, protocols.RECORDS)
        part = Part(0, protocols.RECORDS)
        twin = train_binary.train_part(MODEL, further, part, "float", recipe, tmp_path / "b", bar).net.state_dict()
        start = [
            train_binary.start_of(MODEL, further, part, kind, recipe, tmp_path / "c", tmp_path / "none", bar)
            for kind in ("binary", "float")
        ]
        by_hand = Trainer(MODEL, further, part, True, recipe, tmp_path / "d", twin)
        by_hand.run(lambda accuracy: None)
    assert start[1] is None and all(torch.equal(start[0][name], value) for name, value in twin.items())
    made = (tmp_path / "a" / "fold0" / "bundle" / "golden.safetensors").read_bytes()
    assert made == save(by_hand.best_parameters)


def test_windows_are_turned_by_so_much_and_else_stay():
    still = Recipe(epochs=1, noise=0.0, warp=0.0, gain=0.0, wander=0.0, turn=0.0)
    x = torch.arange(1000.0).repeat(50, 1) / 256  # in units of the quantiser
    generator = torch.Generator().manual_seed(1)
    assert torch.equal(augment(x, still, generator), x)
    first = augment(x, replace(still, turn=0.2), generator)[:, 500] * 256 - 500  # by how much the middle moved
    assert first.min() >= 0 and 150 < first.max() <= 200


def test_windows_that_are_moved_have_no_seam():
    still = Recipe(epochs=1, noise=0.0, warp=0.0, gain=0.0, wander=0.0, turn=0.2, hold=True)
    x = torch.arange(1000.0).repeat(50, 1) / 256
    generator = torch.Generator().manual_seed(1)
    moved = augment(x, still, generator) * 256
    first = moved[:, 500] - 500
    assert -100 <= first.min() < -70 and 70 < first.max() <= 100
    assert (moved.diff(dim=1) >= 0).all() and moved.min() >= 0 and moved.max() <= 999
    warped = augment(x, replace(still, turn=0.0, warp=0.1), generator) * 256
    assert ((warped[:, 500] - 500).abs() <= 1).all() and (warped.diff(dim=1) >= 0).all()
    assert (warped[:, 900] - 900).max() > 20


def test_signs_alone_have_a_rate_of_their_own(further, tmp_path):
    for rate, peaks in ((0.0, [RECIPE.rate] * 2), (4e-2, [4e-2] * 2)):
        recipe = replace(STAGED.pretraining, sign_rate=rate)
        trainer = Trainer(MODEL, further, Part(None), True, recipe, tmp_path / str(rate))
        assert trainer._stage() == (0, 2, peaks)
        trainer.epoch = 2
        assert trainer._stage() == (2, 2, [recipe.latent_rate, recipe.rate])


def test_a_draw_has_the_share_of_own_windows_and_the_roots_of_the_others(further, tmp_path):
    further.label[60:] = torch.tensor([0] * 16 + [1] * 4 + [0] * 4)[:24]
    further.label[80:] = 0  # 20 of class 0, 4 of class 1
    recipe = Recipe(epochs=1, windows=40_000, own=0.25)
    drawn = Trainer(MODEL, further, Part(0, protocols.RECORDS), True, recipe, tmp_path)._draw()
    own = (drawn < 60).double().mean()
    assert abs(own - 0.25) < 0.01
    assert set(drawn[drawn < 60].tolist()) == set(range(36))
    share = (further.label[drawn[drawn >= 60]] == 1).double().mean()
    assert abs(share - 4**0.5 / (4**0.5 + 20**0.5)) < 0.015


def test_figures_of_other_protocols_stay(further, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(train.networks, "get", lambda name: MODEL)
    with cli.progress() as bar:
        train_binary.train_fold(MODEL, further, 0, replace(STAGED, pretraining=None), tmp_path / "a", bar)
    train._ship(tmp_path / "a" / "bundle", "tiny", protocols.COMPARABLE, {"accuracy": 0.5})
    network = bundle.read(tmp_path / "shipped" / "tiny").sha256
    train._ship(tmp_path / "shipped" / "tiny", "tiny", protocols.RECORDS, {"accuracy": 0.75})
    packed = bundle.read(tmp_path / "shipped" / "tiny")
    assert packed.sha256 == network
    assert packed.training["accuracy"] == {protocols.COMPARABLE: {"accuracy": 0.5}, protocols.RECORDS: {"accuracy": 0.75}}


def test_folds_by_name_and_number():
    assert train.fold_numbers("shipped") == [0]
    assert train.fold_numbers("all") == [0, 1, 2, 3, 4]
    assert train.fold_numbers("3,1") == [3, 1]
    assert train.fold_numbers("all", 3) == [0, 1, 2]
    for wrong in ("5", "1,1", "", "a", "-1"):
        with pytest.raises(PopbeatError, match="FOLDS is"):
            train.fold_numbers(wrong)


def test_multibit_networks_have_one_protocol():
    with pytest.raises(PopbeatError, match="alq17 is trained under the protocol comparable alone"):
        train_folds.of_kind(networks.get("alq17"), protocols.RECORDS)


@pytest.mark.parametrize("protocol", [protocols.COMPARABLE, protocols.RECORDS])
def test_folds_as_jobs_are_those_without(further, tmp_path, monkeypatch, protocol):
    """Two machines without a file system in common: the pretraining goes there, bundle and figures come back, all to the bit."""
    monkeypatch.setattr(networks, "get", lambda name: MODEL)
    monkeypatch.setattr(train_folds, "Data", lambda task, further: further_or_not[further])
    monkeypatch.setattr(train_folds.tasks, "get", lambda name: None)
    monkeypatch.setattr(train_binary, "RECIPES", {"tiny": RECIPE})
    monkeypatch.setattr(train_binary, "RECORDS_RECIPES", {"tiny": STAGED})
    further_or_not = {True: further, False: Tiny()}
    data = further_or_not[protocol == protocols.RECORDS]
    here, there = tmp_path / "here", tmp_path / "there"
    kind, seen = train_folds.of_kind(MODEL, protocol), []

    def at_another_place(jobs, bar, what, done, said, job_bytes):
        monkeypatch.setattr(files, "BUILD", there)
        for at, job in enumerate(jobs):
            seen.append(job.label)
            done(at, json.loads(campaign.executor()(job.function, job.arguments | job.aside)))
        monkeypatch.setattr(files, "BUILD", here)

    monkeypatch.setattr(campaign, "run", at_another_place)
    monkeypatch.setattr(files, "BUILD", here)
    threads = torch.get_num_threads()
    with cli.progress() as bar:
        torch.set_num_threads(1)
        alone = [kind.fold(data, n, tmp_path / "alone" / "home" / f"fold{n}", bar) for n in (0, 1)]
        monkeypatch.setenv("SCHEDULER", "tcp://somewhere:1")
        home = here / "tiny" / "train" / protocol
        results = train_folds.train(kind, data, [0, 1], home, bar)
        assert seen == ["tiny fold 0", "tiny fold 1"]
        assert train_folds.train(kind, data, [1], home, bar) == results[1:] and len(seen) == 2  # they are there
        wrong = {"model": "tiny", "protocol": protocol, "fold": 0, "epochs": 0, "start": "another", "home": "x", "before": {}}
        with pytest.raises(PopbeatError, match="other inputs than the campaign"):
            train_folds.trained(**wrong, pytorch=torch.__version__)
    torch.set_num_threads(threads)
    assert [{**r, "seconds": 0} for r in results] == [{**r, "seconds": 0} for r in alone]
    for n in (0, 1):
        for name in ("tensors.safetensors", "golden.safetensors"):
            made = (home / f"fold{n}" / "bundle" / name).read_bytes()
            assert made == (tmp_path / "alone" / "home" / f"fold{n}" / "bundle" / name).read_bytes()
        assert not (home / f"fold{n}" / "binary").exists()  # it was trained elsewhere


def test_the_gradient_of_signs_is_what_the_recipe_says(tiny, tmp_path):
    for on in (False, True):
        trainer = Trainer(MODEL, tiny, Part(0), True, replace(RECIPE, triangle=on), tmp_path / str(on))
        assert [block.triangle for block in trainer.net.blocks] == [on] * 3
    net = BinaryNet(MODEL.network)
    x, gradients = torch.randn(8, 1, MODEL.network.window), []
    for on in (False, True, False):
        net.zero_grad()
        net.triangles(on)
        net.eval()(x).sum().backward()
        gradients.append(net.blocks[0].weight.grad.clone())
    assert torch.equal(gradients[0], gradients[2]) and not torch.equal(gradients[0], gradients[1])
