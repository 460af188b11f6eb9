"""The preview: what the agent would ship, found out with its own discovery, framing and pipelines.

    look.py       which files there are, and their first and last lines as chunks
    survey.py     what the pipeline makes of them: streams, samples, values per label, refusals
    unread.py     which fields of JSON lines the pipeline leaves
    cure.py       what to write into the configuration so that they are read
    concern.py    one thing that is likely to disappoint
    concerns.py   what is likely to disappoint, and what to do about it

Rule 1: nothing is sent, nothing is written, no position moves; the data_dir is not even looked at.
"""
