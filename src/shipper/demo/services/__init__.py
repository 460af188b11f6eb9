"""One module per service, each a generator of records that never ends.

Rule 1: times are the clock's and never go back, so the order in the file is the order in Loki.
Rule 2: nearly every line carries a number of its own; some are equal to the last character on purpose.
"""
