"""Everything that trains. In go a task's windows and a protocol, out come checkpoints, figures and a bundle in
``build/<model>/train``. ``train`` is the command; behind it a trainer for each kind of network: ``binary`` and ``beats`` on the
loop in ``trainer``, ``multibit`` (``alq17``), and ``graph_networks`` (``graphs`` trains and quantises any graph, ``rhythms``
and ``images`` draw the data of ``lamscn17`` and ``gasf5``). ``folds`` runs folds side by side. ``levers``, ``beat_levers`` and
``curve`` measure what parts of a training bring. Open ``train`` first."""
