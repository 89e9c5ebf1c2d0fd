"""The daemon: who judges which partitions, the registry it follows, what it reports."""
