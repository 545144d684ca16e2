"""The networks in PyTorch, and the trained networks that are shipped (``bundles``). In go normalised windows or images, out
come logits: ``binary`` is the binary network, ``multibit`` the network of ``alq17``, ``graph_net`` a PyTorch network of any
graph of the array (``gasf5``, ``lamscn17``). ``alq`` holds the steps of the quantisation, ``lockstep`` rounds numbers of bases
to what lanes in lockstep make use of. Open ``binary`` first."""
