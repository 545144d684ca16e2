"""What serves the multi-bit array: a network as a graph of integer operations (``graph``), the layer program that is loaded
(``program``), the compiler from the one to the other, and the array in numpy (``machine``). Open ``graph`` first."""
