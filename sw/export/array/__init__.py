"""Networks for the multi-bit array. In goes a trained network as a graph of integer operations (``graph``), stored in a bundle
(``bundle``). The compiler (``compiler``, with ``plan``, ``lower`` and ``schedule``) makes of it the layer program, and
``program`` the image that is loaded. Two references stand beside it: ``integer`` runs the graph, ``machine`` the program on the
array in numpy. Open ``graph`` first, then ``program``."""
