"""The status page and its neighbours: health, readiness, metrics, the API, the live tail.

    server       the socket, the start and the end        app       routes, and the gate before them
    access       who may ask for what                     replies   what every reply carries, bodies, errors
    connections  what one may take, and how long          watch     what is sampled once a second
    health       /-/healthy, /-/ready, /metrics           assets/   the page itself
    status, sources, failing, lists, tail, playground, reloading    the API

Rule 1: it runs in the agent's event loop and never holds it up: what may be long is done in a thread of its own.
Rule 2: the agent ships whatever becomes of the page.
Rule 3: every text that leaves is masked; text of logs is JSON, never HTML.
"""
