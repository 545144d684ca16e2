"""The sequencer alone, on Verilator under cocotb."""

import pytest

from hw.binary.sequencer import SequencerParams
from sim.benches import alone
from sim.benches.binary import sequencer


def test_every_case_and_its_canary():
    assert alone.run(sequencer) == len(sequencer.CASES)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SequencerParams(3, 0), "at least 1 step and 1 credit"),
        (lambda: SequencerParams(3, 1, "other"), "'pools' or 'last'"),
    ],
)
def test_parameters_that_make_no_hardware(make, message):
    with pytest.raises(ValueError, match=message):
        make()
