"""A guard round a classifier that takes windows: whatever a single flipped bit does, it is over with the window that it met.

``voted`` holds what must not be lost, three times; ``guard`` counts windows, watches the classifier and resets it behind each one;
``top`` is a classifier with a guard round it, the configurations ``full_guarded`` and so on.
"""
