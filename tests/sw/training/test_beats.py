"""Training of networks of beats: what is drawn, and how the logits are moved."""

import numpy as np
import torch

from sw.beats import figures
from sw.export.binary import fold
from sw.networks import BinaryNetwork
from sw.training import beats as train_beats
from tests.conftest import TOY_RHYTHM


def test_moves_are_the_logits_own():
    network = BinaryNetwork((3, 4, 5), 100, TOY_RHYTHM)
    net = fold.BinaryNet(network).eval()
    x, bits = torch.randn(6, 1, 100), torch.sign(torch.randn(6, 2))
    moves = (0.0, 1.5, -0.5, -1.0, 0.0)
    with torch.no_grad():
        before = net(x, bits)
        net.load_state_dict({k: torch.from_numpy(v) for k, v in train_beats.moved(numpy_state(net), network, moves).items()})
        after = net(x, bits)
    scale = network.blocks[-1].pool_length ** 0.5
    np.testing.assert_array_equal(((after - before) / scale).numpy().round(3), np.broadcast_to(np.float32(moves), (6, 5)))


def numpy_state(net) -> dict[str, np.ndarray]:
    return {k: v.numpy().copy() for k, v in net.state_dict().items()}


def test_moves_follow_the_held_out_beats():
    truth = np.repeat([0, 1, 2], 100)
    logits = np.zeros((300, 5))
    logits[:, 0], logits[:, 3:] = 0.6, -9
    logits[truth == 1, 1] = 0.3  # told N unless S is moved up
    logits[truth == 2, 2] = 2
    moves = train_beats.choose_moves(logits, truth)
    assert moves[1] > 0.3
    assert ((logits + np.array(moves)).argmax(axis=1) == truth).all()


def test_draws_favour_rare_classes_and_small_records():
    label = np.array([0] * 100 + [1] * 10 + [4] * 5)
    record = np.array(["a"] * 90 + ["b"] * 10 + ["a"] * 9 + ["b"] + ["a"] * 5)
    weight = train_beats.draw_weights(label, record, (0.7, 0.3, 0.0, 0.0, 0.0))
    assert round(weight[label == 1].sum(), 9) == 0.3
    assert weight[label == 4].sum() == 0
    share = weight[(label == 1) & (record == "b")].sum() / 0.3
    assert round(share, 9) == 0.25  # by roots: 1 of 1 + 3


def test_moves_go_where_least_is_wanting():
    """S whose logit is too low: moved up until as many are found as are wanted, which leaves predictivity enough."""
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], [2000, 200, 100])
    logits = np.full((len(truth), 5), -9.0)
    logits[:, 0], logits[:, 1] = 0, np.where(truth == 1, rng.normal(-0.3, 1, len(truth)), rng.normal(-3.5, 1, len(truth)))
    logits[truth == 2, 2] = 9

    def rates(moves):
        return figures.rates(figures.confusion(truth, (logits + np.array(moves)).argmax(axis=1)))

    moves = train_beats.choose_moves(logits, truth)
    assert rates([0] * 5)["S_sensitivity"] < 0.5 < 0.76 <= rates(moves)["S_sensitivity"]
    assert all(rates(moves)[name] >= wanted for name, wanted in train_beats.WANTED.items())
    assert not all(rates([0, moves[1] - 0.75, *moves[2:]])[name] >= wanted for name, wanted in train_beats.WANTED.items())
