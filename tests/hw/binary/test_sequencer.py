"""The sequencer alone, on Verilator under cocotb."""

import pytest

from hw.binary.sequencer import SequencerParams
from sim.benches import alone
from sim.benches.binary import sequencer


def test_every_case():
    alone.run(sequencer)


def test_a_wrong_bit_in_each_expectation_is_noticed():
    assert alone.unnoticed(sequencer) == 0


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
