"""A partition of the log in this engine: restored, followed or led, and written out."""
