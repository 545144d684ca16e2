"""Small parts that every design uses: AXI4-Stream ports (``axis``), register stages and queues (``skid``, ``elastic``), delay
lines (``delay``), a multiplier with an FPGA block's registers (``multiplier``), rounding and saturation (``rounding``), the
format of results (``result``), and what tops that find the beats themselves share (``positions``). Streams of any payload go in
and out. Open ``axis`` first."""
