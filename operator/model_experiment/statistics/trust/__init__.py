"""May the numbers be believed? Checks of the split, the past, the segments and the number of questions asked."""
