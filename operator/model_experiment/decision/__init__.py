"""The pure core: what do we know, what does it mean, what should be true next."""
