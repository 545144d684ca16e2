"""What draws the tables and pictures of README and docs. In go figures that commands have stored (``docs/*.json``), out go the
generated sections of the pages and the pictures. ``pages`` is ``make report`` and lists which function draws which section,
``store`` takes a full run's figures over, ``cycles`` is ``make cycles``; the others hold the tables of one page or subject.
Open ``pages`` first."""
