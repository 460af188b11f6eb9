"""Torture: the real agent as a process, all that goes wrong around it, and an oracle that compares sets of lines.

lines.py      numbered lines: what is written for a number, and what Loki must have of it
logs.py       log files under writing, and every way in which they rotate
relay.py      what stands between the agent and Loki, and fails on demand
sabotage.py   what is done to the agent from inside: crash points, faults of the machine, planted bugs
launch.py     the agent with sabotage
agent.py      the agent as a process
loki.py       what Loki has
oracle.py     what was written against what is there
world.py      one scenario's directory, configuration, logs, agent, relay and Loki
scenarios/    what happens; a folder's file per kind of trouble
table.py      the results for people

python -m benchmarks.torture --list
"""
