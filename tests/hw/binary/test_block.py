"""Whole blocks alone, on Verilator under cocotb."""

import numpy as np

from hw.binary.datapath import DatapathParams
from hw.binary.folding import Config, Folding
from sim.benches import alone
from sim.benches.binary import block
from sim.benches.binary.block import block_reference
from sw.export.binary import integer
from tests.conftest import random_bundle, random_windows


def test_every_case_and_its_canary():
    assert alone.run(block) == len(block.CASES)


def test_references_of_the_blocks_are_the_integer_model():
    """numpy references of the hardware, chained, against the integer model: the third of three."""
    packed = random_bundle(5, (4, 6, 3), 100)
    params = DatapathParams(packed, Config("test", (Folding(3), Folding(4), Folding(1, parts=2))))
    trace = integer.run(packed, random_windows(5, 3, 100))
    for window in range(3):
        columns = trace.normalised[window][:, None]
        for i, one in enumerate(params.blocks[:-1]):
            columns = block_reference(one, columns)
            np.testing.assert_array_equal(columns, trace.columns[i][window])
        counts = block_reference(params.blocks[-1], columns)
        np.testing.assert_array_equal(counts, trace.pooled[window])
        np.testing.assert_array_equal(params.head.reference(counts), trace.logits[window])
