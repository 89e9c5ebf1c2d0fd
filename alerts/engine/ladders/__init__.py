"""What the rules in force ask: rungs of ladders, limits, and what one reading says to them."""
