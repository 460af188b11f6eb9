"""The size of a push as an ingester's message, and the hash that counts in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.devloki.block import Entry
from shipper.devloki.labels import format_labels
from shipper.devloki.message_size import labels_hash, may_exceed, message_size
from shipper.devloki.push_proto import PushRequest
from shipper.devloki.release import RELEASES
from shipper.devloki.sharding import LabelledStream
from shipper.devloki.xxhash import xxhash64

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
METADATA = st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple)
ENTRIES = st.lists(st.builds(Entry, st.integers(0, 2**61), st.binary(max_size=200), METADATA), max_size=4)
STREAMS = st.lists(
    st.builds(
        lambda labels, entries: LabelledStream(labels=labels, text=format_labels(labels), entries=entries),
        st.lists(st.tuples(st.just("job"), TEXT), max_size=1).map(tuple),
        ENTRIES,
    ),
    max_size=3,
)


@given(STREAMS)
def test_for_every_push_the_size_is_that_of_the_serialised_message(streams):
    request = PushRequest()
    for stream in streams:
        added = request.streams.add(labels=stream.text.encode(), hash=labels_hash(stream.labels))
        for entry in stream.entries:
            made = added.entries.add(line=entry.line)
            made.timestamp.SetInParent()
            made.timestamp.seconds, made.timestamp.nanos = divmod(entry.time, 10**9)
            for name, value in entry.metadata:
                made.structuredMetadata.add(name=name.encode(), value=value.encode())
    assert message_size(streams, RELEASES["2.9"]) == len(request.SerializeToString())


@given(STREAMS, st.sampled_from(sorted(RELEASES)))
def test_for_every_push_the_quick_bound_is_not_below_the_size(streams, version):
    size = message_size(streams, RELEASES[version])
    assert not size or may_exceed(streams, size - 1, RELEASES[version])


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_the_hash_has_its_published_values(data, digest):
    assert xxhash64(data) == digest
