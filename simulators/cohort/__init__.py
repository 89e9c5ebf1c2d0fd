"""Synthetic cohorts: whole populations with known truth, from a seed, as records of readings.v1.

The order of things is that of life: a body has a true course (``circulation``, ``sugar``), truth
is read off that course alone (``episodes``), people measure when they think of it or feel unwell
(``habits``, ``patient``), devices and hands err (``devices``), and homes deliver late, twice or
with a wrong clock (``delivery``). What counts as an episode is in ``clinical`` and nowhere else.
"""
