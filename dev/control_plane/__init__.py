"""A real control plane on one machine, as plain processes on loopback, without Docker.

For: tests and demonstrations. Not for production: nothing is replicated, backed up or synced to disk. ``plane`` is
the front door; ``python -m control_plane`` the command line.
"""
