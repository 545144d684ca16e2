"""Figures of a hand-made confusion."""

import numpy as np

from sw.beats import figures


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
