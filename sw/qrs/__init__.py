"""The QRS detector in integers, and how well it does. In go a lead's raw samples, out come R peaks: ``envelope`` makes the
signal whose peaks are candidates, ``detector`` judges them, ``params`` has the lengths and widths. It is the reference of
``hw/qrs``. ``evaluate`` scores it on all records, ``others`` runs wfdb's own detectors beside it. Open ``detector`` first."""
