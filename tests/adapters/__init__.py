"""From published cases to calls of the library: one file a part of it, one function a kind of case."""
