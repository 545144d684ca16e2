"""What trains networks that are graphs of the array: ``graphs`` (gradient descent, choice of bases, quantisation; the same for
every graph), ``rhythms`` (LAMSCN: windows with a set of labels) and ``images`` (the GASF network: beats). In go a task's
recordings, out come a bundle and its figures. Open ``graphs`` first."""
