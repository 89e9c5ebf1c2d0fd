"""From a row of the journal to an item of the wire; and what a payload says, for people."""
