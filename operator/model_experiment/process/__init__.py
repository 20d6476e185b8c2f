"""What every process of ours is made of: flags, signals and exit codes, an HTTP side, a database, the experiments.

Not for: what a process does. These parts know no process by name.
"""
