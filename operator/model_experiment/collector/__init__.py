"""The collector: counts what Envoy reports and applications tell, by experiment, variant and bucket of users.

``access_log`` takes Envoy's entries, ``entries`` reads one, ``counting`` holds the numbers, ``recording`` and
``store`` keep the log of assignments and outcomes, ``outcomes`` is the HTTP side, ``exposition`` shows it all
to Prometheus, and ``catalogue`` with ``watching`` knows which experiments there are. Not for: judging
anything.
"""
