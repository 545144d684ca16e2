"""Tasks by name, and networks that do not fit them."""

import pytest

from sw.data import tasks
from sw.errors import PopbeatError


@pytest.mark.parametrize(
    ("window", "bits", "classes", "message"),
    [
        (400, 12, "NSVFQ", "windows of 400 samples"),
        (3600, 11, "NSVFQ", "samples of 11 bits"),
        (3600, 12, "NSVQF", "names the classes N, S, V, Q, F"),
    ],
)
def test_networks_that_do_not_fit_a_task(window, bits, classes, message):
    with pytest.raises(PopbeatError, match=message):
        tasks.for_network("window-5", window, bits, tuple(classes))


def test_unknown_task():
    with pytest.raises(PopbeatError, match="unknown task 'x'; there are rhythm-17, window-5, beat-5"):
        tasks.get("x")
