"""Evidence, bounds and intervals that keep their promise however often one looks."""
