"""The words that people write and read: the spec, the status, and the CRD made from them.

Pure: no clock, no I/O. ``parse_spec`` and ``parse_status`` read what the API server gives, ``to_json``
writes back.
"""
