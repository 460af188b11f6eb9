"""The measured facts about Loki that a shipper must live with, each by its name: duplicates, masking, the wire."""

import pytest
import snappy

from shipper.devloki.limits import MIB, TenantLimits

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
JOB = '{job="a"}'


def rising(loki, count: int, size: int) -> list[tuple[int, str]]:
    """Distinct lines of `size` bytes, a microsecond apart, ending now."""
    return [(loki.now - (count - index) * 1000, f"{index:08d}".ljust(size, "x")) for index in range(count)]


def count(loki, query: str = JOB) -> int:
    return sum(int(value) for _, value in loki.vector(f"sum(count_over_time({query} [24h]))"))


class TestExactDuplicates:
    def test_fact_1_an_equal_entry_in_the_open_head_block_is_ignored(self, either):
        entry = (either.now, "same")
        assert [either.push((JOB, [entry])), either.push((JOB, [entry])), either.push((JOB, [entry]))] == [
            (204, "")
        ] * 3
        assert (count(either), either.stats()["entries_ignored"]) == (1, 2)

    def test_fact_1_two_different_log_lines_of_equal_text_and_time_are_silently_merged(self, either):
        assert either.push((JOB, [(either.now, "GET /"), (either.now, "GET /"), (either.now + 1, "GET /")])) == (
            204,
            "",
        )
        assert either.entries(JOB) == [(either.now, "GET /"), (either.now + 1, "GET /")]

    def test_fact_1_other_metadata_makes_another_entry(self, loki):
        loki.push((JOB, [(loki.now, "x", [("k", "1")]), (loki.now, "x", [("k", "2")]), (loki.now, "x", [("k", "1")])]))
        assert [labels["k"] for labels, _ in loki.streams(JOB)] == ["1", "2"]
        assert count(loki) == 2

    def test_fact_1_the_entry_stored_last_is_remembered_beyond_its_block(self, either):
        entry = (either.now, "x" * 256 * 1024)
        either.push((JOB, [entry]))
        either.push((JOB, [entry]))
        assert count(either) == 1

    def test_fact_2_a_repeated_push_above_the_block_size_is_stored_twice_and_shown_once(self, either):
        entries = rising(either, 2000, 500)
        either.push((JOB, entries))
        either.push((JOB, entries))
        assert count(either) == 4000
        assert either.entries(JOB) == entries

    def test_fact_2_a_flush_ends_the_memory_of_the_block(self, either):
        entries = [(either.now - 1, "a"), (either.now, "b")]
        either.push((JOB, entries))
        either.request("POST", "/flush")
        either.push((JOB, entries))
        assert (count(either), either.entries(JOB)) == (4, entries)

    def test_fact_3_a_busy_stream_is_sharded_and_both_copies_of_a_repetition_are_shown(self, start):
        loki = start(version="3.4")
        loki.push((JOB, rising(loki, 900, 1000)))
        loki.sleep(0.5)
        busy = rising(loki, 1800, 1000)
        loki.push((JOB, busy))
        loki.sleep(20)
        loki.push((JOB, rising(loki, 900, 1000)))
        loki.sleep(0.5)
        loki.push((JOB, busy))

        repeated = loki.entries(JOB, start=busy[0][0], end=busy[-1][0] + 1)
        assert repeated == sorted(busy * 2)
        shards = {labels.get("__stream_shard__") for labels, _ in loki.streams(JOB)}
        assert shards == {None, "0", "1"}

    def test_fact_3_a_stream_is_not_sharded_below_1536_kb_a_second(self, start):
        loki = start(version="3.4")
        for _ in range(5):
            loki.push((JOB, rising(loki, 1500, 1000)))
            loki.sleep(2)
        assert len(loki.streams(JOB, limit=5000)) == 1

    def test_fact_3_release_2_9_does_not_shard(self, start):
        loki = start(version="2.9")
        for _ in range(3):
            loki.push((JOB, rising(loki, 1500, 1000)))
        assert len(loki.streams(JOB)) == 1

    def test_fact_4_asking_tells_exactly_what_is_missing_after_a_push_stored_in_part(self, either):
        new, behind = (either.now, "new"), (either.now - 2 * HOUR, "behind")
        either.push((JOB, [new]))
        status, _ = either.push((JOB, [behind, (either.now - 1, "late but fine")]))
        assert status == 400
        assert either.entries(JOB, start=either.now - 3 * HOUR) == [(either.now - 1, "late but fine"), new]

    @pytest.mark.parametrize(("hours", "found"), [(2.5, ["old"]), (2.7, [])])
    def test_fact_5_entries_older_than_2_6_hours_are_not_found_before_a_flush(self, either, hours, found):
        either.push((JOB, [(either.now - int(hours * HOUR), "old")]))
        assert either.lines(JOB) == found
        either.request("POST", "/flush")
        assert either.lines(JOB) == ["old"]

    def test_fact_5_an_entry_ages_out_of_sight_until_the_flush(self, either):
        either.push((JOB, [(either.now, "x")]))
        either.sleep(3 * 3600)
        assert either.lines(JOB) == []
        either.request("POST", "/flush")
        assert either.lines(JOB) == ["x"]

    def test_fact_5_without_limits_everything_is_found_at_once(self, start):
        loki = start(limits=False)
        loki.push((JOB, [(loki.now - 5000 * HOUR, "old")]))
        assert loki.lines(JOB) == ["old"]


class TestMasking:
    """A 204 says nothing about streams before the last one of the push."""

    def test_too_far_behind_is_hidden_by_a_later_stream(self, either):
        either.push((JOB, [(either.now, "new")]))
        refused, quiet = (JOB, [(either.now - 2 * HOUR, "lost")]), ('{job="b"}', [(either.now, "x")])
        assert either.push(refused, quiet) == (204, "")
        assert either.push(quiet, refused)[0] == 400
        either.request("POST", "/flush")
        assert either.lines('{job=~".+"}') == ["new", "x"]

    def test_the_stream_rate_is_hidden_by_a_later_stream(self, start):
        loki = start(tenants={"fake": TenantLimits(stream_burst=MIB)})
        hot, quiet = rising(loki, 2000, 1000), ('{job="b"}', [(loki.now, "x")])
        assert loki.push((JOB, hot), quiet) == (204, "")
        assert loki.lines('{job=~".+"}') == ["x"]

    def test_the_stream_rate_is_reported_for_the_last_stream(self, start):
        loki = start(tenants={"fake": TenantLimits(stream_burst=MIB)})
        quiet = ('{job="b"}', [(loki.now, "x")])
        status, text = loki.push(quiet, (JOB, rising(loki, 2000, 1000)))
        refused = "reason: 'Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream "
        assert (status, text.count(refused)) == (429, 10)
        assert text.endswith('total ignored: 2000 out of 2000 for stream: {job="a", service_name="a"}')

    def test_release_2_9_stores_the_part_of_a_stream_that_its_rate_allows(self, start):
        loki = start(version="2.9", tenants={"fake": TenantLimits(stream_burst=MIB)})
        entries = rising(loki, 2000, 1024)
        status, text = loki.push((JOB, entries))
        assert (status, text.endswith("total ignored: 976 out of 2000 for stream: " + JOB)) == (429, True)
        assert loki.entries(JOB) == entries[:1024]

    def test_the_stream_count_is_hidden_by_a_known_stream(self, start):
        loki = start(tenants={"fake": TenantLimits(max_streams=1)})
        known, new = (JOB, [(loki.now, "x")]), ('{job="new"}', [(loki.now, "lost")])
        loki.push(known)
        assert loki.push(new, (JOB, [(loki.now, "y")])) == (204, "")
        assert loki.push(known, new)[0] == 429
        assert loki.lines('{job=~".+"}') == ["x", "y"]  # and not "lost"

    def test_what_the_distributor_refuses_is_reported_wherever_it_stands(self, either):
        old, fine = (JOB, [(either.now - 200 * HOUR, "old")]), ('{job="b"}', [(either.now, "x")])
        assert [either.push(old, fine)[0], either.push(fine, old)[0]] == [400, 400]
        assert either.lines('{job=~".+"}') == ["x"]

    def test_an_ingesters_refusal_hides_what_the_distributor_refused(self, either):
        either.push((JOB, [(either.now, "new")]))
        status, text = either.push((JOB, [(either.now - 200 * HOUR, "too old"), (either.now - 2 * HOUR, "behind")]))
        assert (status, "too old" in text, "too far behind" in text) == (400, False, True)


class TestWire:
    def test_non_minimal_varints_are_accepted(self, loki):
        seconds, nanos = divmod(loki.now, SECOND)

        def padded(value: int, width: int) -> bytes:
            return bytes(value >> 7 * index & 0x7F | 0x80 for index in range(width - 1)) + bytes(
                [value >> 7 * (width - 1)]
            )

        stamp = b"\x08" + padded(seconds, 10) + b"\x10" + padded(nanos, 10)
        entry = b"\x0a" + padded(len(stamp), 5) + stamp + b"\x12" + padded(5, 3) + b"hello"
        stream = b"\x0a\x09" + JOB.encode() + b"\x12" + padded(len(entry), 4) + entry
        assert loki.post(snappy.compress(b"\x0a" + padded(len(stream), 5) + stream)).status_code == 204
        assert loki.entries(JOB) == [(loki.now, "hello")]

    def test_a_line_that_is_not_utf8_is_stored_and_shown_with_replacement_characters(self, either):
        assert either.push((JOB, [(either.now, b"A\xff\xfeA")])) == (204, "")
        assert either.lines(JOB) == ["A\ufffd\ufffdA"]

    def test_framed_snappy_is_refused(self, loki, encoded):
        framed = snappy.StreamCompressor().compress(encoded([(JOB, [(loki.now, "x")])]))
        assert loki.post(framed).status_code == 400

    def test_labels_that_cannot_be_parsed_void_the_whole_push(self, either):
        status, text = either.push((JOB, [(either.now, "x")]), ("{job=}", [(either.now, "x")]))
        assert (status, text.split(":")[0]) == (400, "couldn't parse labels")
        assert either.lines('{job=~".+"}') == []

    def test_the_tenants_rate_refuses_the_whole_push_and_a_push_above_the_burst_for_ever(self, start):
        loki = start(version="3.4", sharding=False)
        over = [(f'{{job="{index}"}}', rising(loki, 2200, 1000)) for index in range(3)]  # 6.6 MB
        for _ in range(2):
            assert loki.push(*over)[0] == 429
            loki.sleep(3600)
        assert loki.lines('{job=~".+"}') == []

    def test_more_than_4_mib_uncompressed_is_refused_by_the_ingester(self, either):
        status, text = either.push((JOB, rising(either, 4200, 1000)))
        assert (status, text.split(" (")[0]) == (
            500,
            "rpc error: code = ResourceExhausted desc = grpc: received message larger than max",
        )
        assert either.lines(JOB) == []
