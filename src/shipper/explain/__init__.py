"""Why a line becomes what it becomes: the agent's own pipeline, watched while it works on a few lines.

    watch.py        what each stage did to each record
    words.py        that in words
    trace.py        lines in, records out: stages, the entry Loki would get, or why there is none
    document.py     records as JSON
    playground.py   what `POST /api/v1/playground` answers: `playground`

Rule 1: nothing here decides what becomes of a line: framing, records, stages, times and labels are those of the agent
        (tests/explain/test_trace.py compares the entries of every sample).
Rule 2: nothing is sent, nothing is written, no position moves.
"""
