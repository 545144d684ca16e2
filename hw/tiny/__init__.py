"""The tiny engine: a binary network one layer at a time, for an iCE40 UP5K. Ports, packets and answers are those of the
streaming datapath in ``binary``. ``datapath`` ties store, first block, shared lanes, pool and head together; ``params`` lays a
bundle out as rows of memories; ``schedule`` predicts the cycles and ``reference`` is the same in numpy. Open ``datapath``
first; ``docs/tiny.md`` tells the story."""
