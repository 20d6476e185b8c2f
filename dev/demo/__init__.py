"""A whole experiment on one machine: real control plane, real gateway, real operator, simulated users, a decision.

``python -m demo --scenario win|harm|same --seed 7`` is the front door. ``operator_process`` starts the operator's own
processes, ``shop`` the world around them, ``users`` the traffic, ``view`` is what a person sees. Not for production.
"""
