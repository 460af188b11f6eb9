"""Following a query."""

import asyncio

from shipper.devloki.block import Entry
from shipper.devloki.limits import TokenBucket
from shipper.devloki.logql.logs import ResultStream
from shipper.devloki.logql.parser import parse_query
from shipper.devloki.store import Stream
from shipper.devloki.tail import Follower, Followers


def stored(job: str, *lines: bytes) -> list:
    stream = Stream((("job", job),), f'{{job="{job}"}}', TokenBucket(0, 0))
    return [(stream, [Entry(index, line) for index, line in enumerate(lines)])]


def heard(follower: Follower) -> list:
    async def listen() -> list:
        return [message async for message in follower.messages()]

    return asyncio.run(listen())


def test_a_follower_hears_what_matches_from_push_to_push_until_it_is_closed():
    followers, follower = Followers(), Follower(parse_query('{job="a"} |= "x"'), detects_levels=False)
    followers.join("t", follower)
    followers.publish("t", stored("a", b"x1", b"y", b"x2"))
    followers.publish("t", stored("b", b"x"))
    followers.publish("u", stored("a", b"x"))
    followers.publish("t", stored("a", b"x3"))
    followers.close()
    assert heard(follower) == [
        ([ResultStream(labels={"job": "a"}, values=[(0, "x1"), (2, "x2")])], 0),
        ([ResultStream(labels={"job": "a"}, values=[(0, "x3")])], 0),
    ]


def test_a_follower_that_left_hears_nothing():
    followers, follower = Followers(), Follower(parse_query('{job="a"}'), detects_levels=False)
    followers.join("t", follower)
    followers.leave("t", follower)
    followers.publish("t", stored("a", b"x"))
    follower.close()
    assert heard(follower) == []


def test_a_follower_too_slow_is_told_how_much_it_lost():
    follower = Follower(parse_query('{job="a"}'), detects_levels=False)
    for _ in range(258):
        follower.offer(stored("a", b"x", b"y"))
    follower.close()
    messages = heard(follower)
    assert (len(messages), messages[0][1], {dropped for _, dropped in messages[1:]}) == (256, 4, {0})


def test_who_follows_after_the_end_is_let_go_at_once():
    followers, follower = Followers(), Follower(parse_query('{job="a"}'), detects_levels=False)
    followers.close()
    followers.join("t", follower)
    assert heard(follower) == []
