"""The demonstration: six services write logs that rotate, the real agent ships them, and a proof compares what was
written with what is stored.

    services/   what each service writes             rotation.py   how its files rotate
    writer.py   paces them all and keeps the tally   processes.py  the agent and the receiver, each a process of its own
    proof.py    asks the receiver and compares       show.py       the whole, from an empty directory to a verdict
"""
