"""The desk: what became of the engine's findings once people saw them."""
