"""The comparator: asks champion and challenger again what users asked, and counts whether they answer alike.

Pure: ``pointers``, ``answers``, ``streams`` read an answer, ``agreement``, ``rankings``, ``texts``, ``comparing``
compare two, ``copies`` says what is asked again, ``catalogue`` knows the experiments, ``counting`` holds the numbers.
Shell: ``mirror`` takes mirrored requests within the bounds of ``heads``, ``pairing`` asks both models through
``asking``, ``recording`` and ``store`` keep evidence, which ``deletions`` ends, ``exposition`` shows it all to
Prometheus. Not for: judging anything, and nothing here reaches a user.
"""
