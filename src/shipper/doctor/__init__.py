"""The doctor: why a log is not in Grafana, found by walking the way of a line from the file to a query's answer.

    hop.py         what a hop saw, and what is wrong with it
    amounts.py     amounts for people
    examine.py     all hops, in parallel where they can be
    host.py        the agent: configuration, data_dir, disk, who holds the journal
    health.py      what the agent says of itself
    collect.py     of a source: which files or containers there are, whether they can be read, when they were written
    position.py    of a source: how far the agent is, and what it gave up
    process.py     of a source: what its pipeline makes of the lines, and the labels
    zone.py        whether times are off by a time zone
    contents.py    whether bytes are lines of text at all
    reach.py       from a URL to a connection: name, TCP, TLS
    loki.py        what answers there: ready, version, access, limits, clock
    replies.py     what a reply that is none of Loki's says about the set-up
    limits.py      Loki's limits against this configuration
    canary.py      a line of our own through the source's pipeline to Loki and back
    arrival.py     the newest line in the file and the newest one in Loki
    verdict.py     the broken hop in one sentence

Rule 1: nothing is written but the canary, in a stream of its own; no position moves; it works beside a running agent.
Rule 2: a hop that cannot be tried says why; one broken hop never hides what the others saw.
Rule 3: each thing that is wrong has a cure: a command, or the line to change.
"""
