"""Beats: the rules of their words, rhythm bits, splits between patients, and what their figures count."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sw import files, networks
from sw.beats import figures
from sw.data import beats, mitbih, tasks
from sw.errors import PopbeatError
from sw.export import bundle
from sw.export.binary import fold, integer, rhythm
from sw.networks import BinaryNetwork, Rhythm
from sw.training import beats as train_beats
from tests.conftest import random_bundle, random_rhythm, random_windows

TOY = Rhythm(2, 2, ((0, 1, 32), (1, 2, 10)), (1, 4))


def test_rr_words_of_a_premature_beat():
    """Regular beats, one that comes early, its pause: by hand."""
    peaks = np.cumsum([1000, 300, 300, 300, 180, 420, 300])
    words = beats.rr_words(peaks)
    assert words[:, 0].tolist() == [300, 300, 300, 300, 180, 420, 300]
    assert words[:, 1].tolist() == [300, 300, 300, 180, 420, 300, beats.PATIENCE]
    assert words[:, 2].tolist() == [300, 300, 300, 300, 300, 180, 420]
    # 300 until the early beat is over; then 300 - 120 / 8, and from there (420 - 285) / 8 further.
    assert words[:, 3].tolist() == [300, 300, 300, 300, 300, 285, 301]
    assert words[:, 4].tolist() == [300, 300, 300, 300, 300, 298, 300]
    assert words[-2, 5] > words[0, 5] - 8 and words[-1, 5] > words[-2, 5]
    # The early beat and its pause are irregular: 512 / 64, then 504 / 64 more, in sixteenths that round down.
    assert words[:, 6].tolist() == [0, 0, 0, 0, 0, 8, 15]


def test_rr_words_saturate_and_begin():
    words = beats.rr_words(np.array([100, 5100, 5400]))
    assert words[:, 0].tolist() == [beats.PATIENCE, beats.LONGEST, 300]
    assert words[:, 1].tolist() == [beats.PATIENCE, 300, beats.PATIENCE]
    assert beats.rr_words(np.array([7])).tolist() == [[beats.PATIENCE] * 5 + [beats.PATIENCE >> beats.GUARD, 0]]
    assert beats.rr_words(np.zeros(0, int)).shape == (0, 7)


def test_rr_words_of_irregular_beats():
    """Every beat irregular: the word comes up to its limit and no further; regular ones bring it back to nothing."""
    peaks = np.cumsum([200, 260] * 400 + [250] * 800)
    irregular = beats.rr_words(peaks)[:, 6]
    assert beats.ALWAYS - 5 <= irregular[790] <= beats.ALWAYS
    assert (np.diff(irregular[3:790]) >= 0).all() and irregular[-1] == 0
    # An eighth of the RR before, no more: regular still.
    assert not beats.rr_words(np.cumsum([240, 270, 240] * 50))[:3, 6].any()


def test_words_of_a_beat_need_no_more_than_the_next_one():
    rng = np.random.default_rng(1)
    peaks = np.cumsum(rng.integers(80, 700, 200))
    signal = rng.integers(0, 2048, peaks[-1] + 200)
    words = np.concatenate([beats.rr_words(peaks), beats.shape_words(signal, peaks)], axis=1)
    for n in (2, 3, 50, 150):
        fewer = np.concatenate([beats.rr_words(peaks[:n]), beats.shape_words(signal, peaks[:n])], axis=1)
        np.testing.assert_array_equal(fewer[: n - 1], words[: n - 1])
    assert words.min() >= 0 and words.max() <= beats.LONGEST
    # Where a record begins moves nothing.
    np.testing.assert_array_equal(beats.rr_words(peaks + 12345), beats.rr_words(peaks))


def test_shape_words():
    """Beats alike differ by nothing; an odd one does, and moves what is usual by no more than a step."""
    signal = np.full(3000, 1000)
    peaks = np.array([500, 1000, 1500, 2000])
    for peak in peaks:
        signal[peak : peak + 3] = 1320
    signal[1500 : 1500 + 48] = 700
    words = beats.shape_words(signal, peaks)
    usual = np.full(32, -10)
    usual[16] = 310
    assert words[0].tolist() == [0, np.abs(usual).sum() >> 2, np.abs(usual).sum() >> 2]
    assert words[1].tolist() == words[0].tolist()
    assert words[2, 0] > words[0, 2]
    assert words[3, 0] <= (32 * beats.STEP) >> 2
    assert beats.shape_words(np.where(signal > 1000, 9999, 0), peaks).max() == beats.LONGEST


def brute_bits(wanted: Rhythm, words: list[int]) -> list[int]:
    """One division a comparison, in exact fractions."""
    from fractions import Fraction

    told = []
    values = [*(w % 2048 for w in words), 256]
    for over, under, multiple in wanted.comparisons:
        if values[under] == 0:
            told.append(1)
        else:
            told.append(int(Fraction(values[over], values[under]) >= Fraction(multiple, 32)))
    return told


def test_rhythm_bits_are_ratios():
    wanted = random_rhythm(3, 2, 5, 40)
    words = np.random.default_rng(3).integers(-2048, 2048, (200, 5))
    words[:50] = np.random.default_rng(4).integers(0, 20, (50, 5))
    found = rhythm.bits(wanted, words)
    assert found.tolist() == [brute_bits(wanted, row) for row in words.tolist()]
    assert not np.array_equal(rhythm.bits(random_rhythm(4, 2, 5, 40), words), found)  # the canary


def test_marks_and_bits_stand_in_their_columns():
    made = rhythm.columns(TOY, np.array([[1, 0], [0, 1]], np.uint8), 6)
    assert made.shape == (2, 6, 4)
    assert made[0, :, :2].tolist() == [[1, 0]] * 6
    assert made[1, :, 2].tolist() == [0, 1, 1, 1, 1, 1]
    assert made[1, :, 3].tolist() == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(("block", "head", "hidden"), [(2, False, 0), (3, False, 0), (2, True, 0), (3, True, 14)])
def test_pytorch_model_and_integers_agree_with_rhythm(block, head, hidden, tmp_path):
    network = BinaryNetwork((4, 6, 3), 100, random_rhythm(1, block, 3, 9, (0, 3, 8), head, hidden))
    torch.manual_seed(1)
    net = fold.BinaryNet(network)
    if head:
        net.of_bits.data.uniform_(-40, 40)
    if hidden:
        net.of_hidden.data.uniform_(-40, 40)
        net.hidden.bias.data[:5] = torch.tensor([9.0, -9.0, -9.5, 1.0, -1.0])  # always, only all alike, never; at a boundary
    for layer in net.blocks:  # as a training leaves it: channels that fall, and sums in the middle
        layer.norm.weight.data.uniform_(-1, 1)
        layer.norm.running_mean.uniform_(-3, 3)
        layer.norm.running_var.uniform_(5, 20)
    parameters = fold.parameters(net)
    golden = fold.golden(network, parameters)
    task = tasks.Task("toy", ("a", "b", "c"), 103, lambda _: [], words=3)
    packed = fold.export("toy", task, golden, {})
    assert (np.concatenate(packed.pads) == 0).any()
    rng = np.random.default_rng(1)
    samples = np.concatenate([rng.integers(200, 400, (20, 3)), random_windows(1, 20, 100)], axis=1)
    trace = integer.run(packed, samples)
    np.testing.assert_array_equal(fold.golden_logits(golden, packed, samples), trace.logits)
    # The words matter.
    other = samples.copy()
    other[:, :3] = rng.integers(0, 2048, (20, 3))
    assert not np.array_equal(integer.run(packed, other).logits, trace.logits)
    bundle.write(packed, tmp_path)
    again = bundle.read(tmp_path)
    assert again.sha256 == packed.sha256 and again.network == network
    assert bundle.unpack(bundle.pack(packed), packed).sha256 == packed.sha256
    if hidden:
        assert packed.head.hidden_threshold[:5].tolist() == [0, 9, 10, 4, 5]
        assert 0 < trace.rhythm[:, 9:].mean() < 1
        wrong = replace(packed.head, hidden_threshold=np.minimum(packed.head.hidden_threshold + 1, 10))
        assert not np.array_equal(integer.run(replace(packed, head=wrong), samples).logits, trace.logits)


def test_hidden_bits_count_equal_ones():
    """By hand: how many bits of a window are those of a neuron."""
    bits = np.array([[1, 0, 1], [0, 0, 0]], np.uint8)
    weight, threshold = np.array([[1, -1, 1], [1, -1, -1], [-1, 1, -1]], np.int8), np.array([3, 2, 1])
    assert rhythm.hidden_bits(bits, weight, threshold).tolist() == [[1, 1, 0], [0, 1, 1]]
    with pytest.raises(PopbeatError, match="head.hidden holds 0"):
        packed = random_bundle(1, (3, 4, 2), 100, rhythm=random_rhythm(1, 2, 3, 5, head=True, hidden=4))
        replace(packed, head=replace(packed.head, hidden=packed.head.hidden * 0))


def test_bits_in_the_head_add_their_weights():
    """Logits with and without them, by hand; PyTorch's own forward pass says the same up to the rounding of the weights."""
    network = BinaryNetwork((4, 3), 100, random_rhythm(1, 2, 3, 9, head=True))
    packed = random_bundle(5, (4, 3), 100, rhythm=network.rhythm)
    samples = np.concatenate([np.random.default_rng(2).integers(0, 2048, (6, 3)), random_windows(2, 6, 100)], axis=1)
    trace = integer.run(packed, samples)
    plain = integer.run(replace(packed, head=replace(packed.head, rhythm=np.zeros_like(packed.head.rhythm))), samples)
    weights, shift = packed.head.rhythm.tolist(), packed.head.rhythm_shift
    added = [[sum((w if b else -w) << shift for w, b in zip(row, bits, strict=True)) for row in weights] for bits in trace.rhythm]
    np.testing.assert_array_equal(trace.logits - plain.logits, added)
    torch.manual_seed(2)
    net = fold.BinaryNet(network).double().eval()
    net.of_bits.data.uniform_(-40, 40)
    head, scale = fold.quantise_head(net.blocks[-1], net.of_bits.detach().numpy())
    bits = torch.from_numpy(2.0 * trace.rhythm - 1)
    wanted = (net.with_bits(torch.zeros(6, 3, dtype=torch.float64), bits) * scale).detach().numpy()
    assert np.abs(head.of_bits(trace.rhythm) - wanted).max() <= 9 * 2.0**head.rhythm_shift / 2
    with pytest.raises(PopbeatError, match="head.rhythm holds"):
        replace(packed, head=replace(packed.head, rhythm=packed.head.rhythm * 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block": 1}, "go into block 2 to 3, not 1"),
        ({"block": 4}, "go into block 2 to 3, not 4"),
        ({"comparisons": [[0, 9, 3]]}, "words are 0 to 2"),
        ({"comparisons": [[0, 1, 64]]}, "multiples 1 to 63"),
        ({"comparisons": [[0, 1]]}, "three numbers"),
        ({"comparisons": 7}, "not an object"),
        ({"comparisons": []}, "1 to 256 comparisons"),
        ({"marks": [1000]}, "lie beyond the"),
        ({"marks": [-1]}, "natural numbers"),
        ({"words": 99}, "1 to 15 words"),
        ({"head": 1}, "true or false"),
        ({"head": True}, "missing or too many: head.rhythm"),
        ({"head": True, "hidden": 3}, "missing or too many: head.hidden"),
        ({"hidden": 3}, "0 to 256 hidden bits, others none, not 3"),
        ({"head": True, "hidden": -1}, "hidden bits, others none, not -1"),
        ({"head": True, "hidden": 257}, "hidden bits, others none, not 257"),
        ({"other": 1}, "malformed"),
    ],
)
def test_wrong_rhythms_in_bundles(tmp_path, changes, message):
    bundle.write(random_bundle(1, (3, 4, 2), 100, rhythm=TOY), tmp_path)
    path = tmp_path / "bundle.json"
    graph = files.read_json(path)
    graph["network"]["rhythm"] |= changes
    files.write_json(path, graph)
    with pytest.raises(PopbeatError, match=message):
        bundle.read(tmp_path)


def test_a_network_of_beats_needs_its_task():
    with pytest.raises(PopbeatError, match="takes 0 RR words"):
        tasks.for_network("beat-5", 300, 12, beats.CLASSES)
    task = tasks.for_network("beat-5", 300, 12, beats.CLASSES, len(beats.WORDS))
    network = networks.get("bnnbeat5").network
    assert network.window + network.words == task.length


def test_tiny_engine_and_explorer_refuse_by_name():
    from hw import configurations

    with pytest.raises(PopbeatError, match="takes no rhythm bits"):
        configurations.parameters(random_bundle(1, (3, 4, 2), 100, rhythm=TOY), configurations.get("tiny"))


def test_patients_of_the_two_sets_are_apart(recordings):
    assert not set(beats.DS1) & set(beats.DS2)
    assert len({*beats.DS1, *beats.DS2, "102", "104", "107", "217"}) == 48
    assert sorted(r for group in train_beats.GROUPS for r in group) == sorted(beats.DS1)
    windows = tasks.get("beat-5").windows(recordings)
    split = beats.inter_patient(windows)
    assert not set(windows.record[split.train]) & set(windows.record[split.test])
    assert set(windows.record[split.test]) == set(beats.DS2)
    if recordings.kind == mitbih.NAME:
        assert np.bincount(windows.label).tolist() == [90631, 2781, 7236, 803, 8043]
        assert np.bincount(windows.label[split.train]).tolist() == [45866, 944, 3788, 415]
        assert np.bincount(windows.label[split.test]).tolist() == [44259, 1837, 3221, 388]


def test_a_packet_is_words_and_samples(recordings):
    task = tasks.get("beat-5")
    windows = task.windows(recordings)
    rows = np.flatnonzero(windows.record == "208")[[0, 1, 500, -1]]
    packets = task.samples(recordings, windows.take(rows))
    peaks, _ = beats.annotated(recordings, "208")
    signal = recordings.signal("208", "MLII")
    peak = peaks[500]
    np.testing.assert_array_equal(packets[2, task.words :], signal[peak - beats.BEFORE : peak - beats.BEFORE + beats.WINDOW])
    assert packets[2, 0] == peak - peaks[499] and packets[2, 1] == min(peaks[501] - peak, beats.PATIENCE)
    # Beyond the ends stands the nearest sample.
    before = max(0, beats.BEFORE - peaks[0])
    assert (packets[0, task.words : task.words + before] == signal[0]).all()


def test_figures_of_a_hand_made_confusion():
    truth = np.array([0] * 10 + [1] * 4 + [2] * 4 + [3] * 2)
    told = np.array([0] * 8 + [1, 2] + [1, 1, 1, 0] + [2, 2, 2, 1] + [3, 255])
    rates = figures.rates(figures.confusion(truth, told))
    assert rates["accuracy"] == 15 / 20
    assert rates["S_sensitivity"] == 3 / 4 and rates["S_positive_predictivity"] == 3 / 5
    assert rates["S_false_positive_rate"] == 2 / 16
    assert rates["V_sensitivity"] == 3 / 4 and rates["V_positive_predictivity"] == 3 / 4
    record = np.array(["a"] * 5 + ["b"] * 15)
    made = figures.summary(truth, told, record, apart=("a", "x"))
    assert made["accuracy"] == 0.75 and made["rates"]["accuracy"] == 0.75
    assert made["by_record"]["a"]["beats"] == 5 and made["by_record"]["b"]["S"] == 4
    assert list(made["without"]) == ["a"] and made["without"]["a"]["accuracy"] == round(10 / 15, 4)
    low, high = made["rates"]["intervals"]["accuracy"]
    assert (low, high) == (round(10 / 15, 4), 1.0)  # two records: both, or either of them twice


def test_moves_are_the_logits_own():
    network = BinaryNetwork((3, 4, 5), 100, TOY)
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
