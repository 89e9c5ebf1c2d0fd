"""Everything simulated: cuffs and meters, patients and homes, and the embedded servers."""
