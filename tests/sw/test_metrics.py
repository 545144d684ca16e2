import numpy as np

from sw import metrics


def test_wilson_interval_of_a_textbook_case():
    assert metrics.wilson(81, 263) == [0.2553, 0.3662]  # Newcombe 1998, table I
    assert metrics.wilson(0, 10)[0] == 0.0
    assert metrics.wilson(10, 10)[1] == 1.0


def test_score():
    truth, told = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 255])
    made = metrics.score(truth, told, ("a", "b", "c"))
    assert made["accuracy"] == 0.6
    assert made["per_class"]["a"] == {"windows": 2, "sensitivity": 0.5, "positive_predictivity": 1.0, "f1": 0.6667}
    assert made["per_class"]["b"]["sensitivity"] == 0.6667
    assert made["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert made["macro_f1"] == 0.6667  # over the classes that occur


def test_baselines():
    made = metrics.baselines(np.array(["x", "x", "x", "y"]), np.array([1, 1, 0, 0]), np.array(["x", "y", "z"]), np.array([1, 0, 0]))
    # x -> 1, y -> 0, an unknown record -> the lowest of the most common classes (0).
    assert made == {"record_majority": 3, "class_majority": 2}


def test_records_are_the_witnesses_of_an_interval_over_records():
    record = np.repeat(["a", "b", "c", "d"], 50)
    assert metrics.over_records(np.ones(200, bool), record) == [1.0, 1.0]
    even = np.tile([True, False], 100)
    assert metrics.over_records(even, record) == [0.5, 0.5], "all records alike: nothing depends on which are drawn"
    low, high = metrics.over_records(record != "a", record)
    assert (low, high) == (0.25, 1.0), "one record of four is wrong throughout: it is drawn thrice, or never"
    assert low < metrics.wilson(150, 200)[0] < metrics.wilson(150, 200)[1] < high
