"""Boards. In goes a classifier, out comes a bitstream (``bitstream``: ``make bitstream``), in which ``top`` has the classifier
behind the host link. ``boards`` lists devices and pins, ``clock`` makes a faster clock. ``host`` and ``replay`` are the PC's
side: a record goes through the board, and every answer is held against the integer model (``make replay``). Open ``top`` first."""
