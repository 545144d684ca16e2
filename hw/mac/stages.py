"""Stages of the post-processing, counted from a lane's sum: choice of the sum and its alpha, product, total, sign's unit, coarse
and fine shift, rounding and clip, pool in two, a table, a shift register."""

from amaranth.lib import data

from hw.mac.layouts import Pass
from hw.stream import multiplier

CHOICE = 2
TOTAL = CHOICE + multiplier.LATENCY
SHIFT = TOTAL + 2
VALUE = SHIFT + 3
PLAIN = VALUE + 1  # a value before its pool
RESULT = VALUE + 2
PUSH = RESULT + 2  # behind the table and its register
LATENCY = PUSH + 1  # a lane's sum to its byte in the shift register
# Where a channel's address goes out: its word is there two cycles later, one before the total.
CHANNEL = TOTAL - 3
# The stages that a descriptor's fields move on to.
AT_TOTAL, AT_VALUE = TOTAL - 1, VALUE - 1

# Which lane of which pass: ``slot``, ``position`` within it; ``start``, ``end`` of slot and pass; ``inside``: it is wanted;
# ``begins``: the first of an operation.
Step = data.StructLayout(
    {"valid": 1, "lane": 4, "slot": 2, "position": 4, "start": 1, "end": 1, "inside": 1, "begins": 1, "pass_": Pass}
)
