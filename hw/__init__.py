"""The gateware, in Amaranth. In goes a bundle (``sw/export``), out come Verilog, its ports as JSON, and cycle counts that are
exact (``generate``: ``make verilog``). A design has a folder with its ``top.py`` inside: ``binary``, ``tiny``, ``mac``,
``qrs``, ``beats``, ``images``; they are made of the small parts in ``stream`` and the normaliser in ``front``. ``link`` and
``board`` put a design on a board, ``fpga`` places and routes it, ``explore`` searches foldings. Nothing here imports PyTorch or
``sim``. Open ``binary/top.py`` first."""
