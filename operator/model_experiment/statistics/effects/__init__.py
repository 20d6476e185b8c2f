"""By how much the challenger differs from the champion, with the error of that; for one look at a planned size."""
