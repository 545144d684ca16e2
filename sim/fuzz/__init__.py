"""Broken inputs by the thousand: whatever reads something from outside must end with one line that says why, or read it.

Open first ``targets.py`` (what is fed, and to what), then ``mutations.py`` (how valid inputs are broken) and ``run.py``, the
command.
"""
