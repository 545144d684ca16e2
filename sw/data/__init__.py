"""Recordings and tasks. In comes a folder of WFDB records (``source`` finds it, downloads it or synthesises one, ``records``
reads it); out goes a table of windows with their samples and labels (``windows.Windows``), and the split of a protocol
(``folds``, ``protocols``). A task is a rule from records to windows: ``rhythms`` (rhythm-17, window-5), ``multilabel``,
``beats``, ``beat_images``. ``foreign`` reads records of other databases. Open ``windows`` first, then ``tasks``."""
