"""The status page and its neighbours: health, readiness, metrics, the API, the live tail.

    access     who may ask for what                connections   what a connection may take, and how long
    app        routes, and what every reply carries server        the socket, the start and the end
    health     /-/healthy, /-/ready, /metrics       watch         what is sampled once a second
    status, sources, lists, tail                    the API       assets/   the page itself

Rule 1: it runs in the agent's event loop and never holds it up: what may be long is done in a thread of its own.
Rule 2: the agent ships whatever becomes of the page.
Rule 3: every text that leaves is masked; text of logs is JSON, never HTML.
"""
