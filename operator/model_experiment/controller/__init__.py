"""The shell around the core: watching, scheduling, one tick, writing what was decided."""
