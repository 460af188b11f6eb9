"""devloki: a small stand-in for Loki, for the demo, the tests, and for trying things where no Loki is.

What a shipper meets is as recorded from two real servers, 2.9.0 and 3.4.6: replies, limits, duplicates, masked
refusals, sharding, entries hidden until flushed. What differs from Loki, on purpose:

- everything is in memory, up to a bound beyond which pushes are refused; nothing survives the process;
- queries know a part of LogQL, and say so where it ends;
- tail speaks JSON lines over plain HTTP, where Loki speaks WebSocket;
- `/flush` works at once, and nothing is flushed by itself;
- with the limits off, a question without a start looks at everything there is.
"""
