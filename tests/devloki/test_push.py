"""A push's body, decoded."""

import gzip
import json
import zlib

import pytest
import snappy
from hypothesis import given
from hypothesis import strategies as st

from shipper.devloki.push import PushBody, decode_protobuf, decode_push
from shipper.devloki.push_proto import PushRequest
from shipper.devloki.pushed import PushedStream
from shipper.devloki.replies import PushRefused

JSON = json.dumps({"streams": [{"stream": {"b": "2", "a": "1"}, "values": [["5", "x"], ["6", "한", {"k": "v"}]]}]})
DECODED = [
    PushedStream(labels='{a="1", b="2"}', times=[5, 6], lines=[b"x", "한".encode()], metadata=[(), (("k", "v"),)])
]


def body(content: bytes, content_type: str = "application/json", encoding: str = "") -> PushBody:
    return PushBody(content_type=content_type, content_encoding=encoding, body=content)


def refusal(push: PushBody) -> tuple[int, str]:
    with pytest.raises(PushRefused) as refused:
        decode_push(push)
    return refused.value.status, refused.value.text


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (JSON.encode(), ""),
        (gzip.compress(JSON.encode()), "gzip"),
        (zlib.compress(JSON.encode(), wbits=-15), "deflate"),
    ],
    ids=["plain", "gzip", "deflate"],
)
def test_a_json_push_is_decoded_whatever_its_encoding(content, encoding):
    assert decode_push(body(content, "application/json; charset=utf-8", encoding)) == DECODED


def test_a_protobuf_push_is_decoded_to_columns(encoded):
    message = encoded([('{a="1"}', [(5, "x"), (10**9 + 6, b"\xff", [("k", "v")])]), ("{}", [])])
    assert decode_push(body(snappy.compress(message), "application/x-protobuf")) == [
        PushedStream(labels='{a="1"}', times=[5, 10**9 + 6], lines=[b"x", b"\xff"], metadata=[(), (("k", "v"),)]),
        PushedStream(labels="{}", times=[], lines=[]),
    ]


@pytest.mark.parametrize(
    ("push", "reply"),
    [
        (body(b"", ""), (400, "mime: no media type")),
        (body(b"", "text/plain"), (400, "snappy: corrupt input")),
        (body(b"\xff" * 9, "text/plain"), (400, "snappy: corrupt input")),
        (
            body(b"\xff\xff\xff\xff\x07", "text/plain"),
            (400, "received message larger than max (2147483647 vs 104857600)"),
        ),
        (body(b"{}", encoding="br"), (400, 'Content-Encoding "br" not supported')),
        (body(b"{}", encoding="gzip"), (400, "gzip: invalid header")),
        (
            body(b'{"streams": ['),
            (
                400,
                "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: Skip: do not know how to skip: 0, error found "
                'in #10 byte of ...|treams": [|..., bigger context ...|{"streams": [|...',
            ),
        ),
    ],
)
def test_a_body_that_cannot_be_decoded_is_refused_in_lokis_words(push, reply):
    assert refusal(push) == reply


@pytest.mark.parametrize(
    "document",
    [
        '{"streams": 1}',
        '{"streams": [{"stream": {"a": 1}}]}',
        '{"streams": [{"stream": {}, "values": [["x", "line"]]}]}',
        '{"streams": [{"stream": {}, "values": [["1"]]}]}',
        '{"streams": [{"stream": {}, "values": [[1, "line"]]}]}',
        '{"streams": [{"stream": {}, "values": [["1", "line", 5]]}]}',
        '{"streams": [{"stream": {}, "values": ["1"]}]}',
    ],
)
def test_json_of_another_shape_is_refused(document):
    assert refusal(body(document.encode()))[0] == 400


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"garbage", "proto: illegal wireType 7"),
        (b"\x0f", "proto: wrong wireType = 7 for field Streams"),
        (b"\x0a\x05\x0a", "unexpected EOF"),
        (b"\x0a", "unexpected EOF"),
        (b"\x0c", "proto: PushRequest: wiretype end group for non-group"),
        (b"\x02", "proto: PushRequest: illegal tag 0 (wire type 2)"),
        (b"\xff" * 11, "proto: integer overflow"),
        (b"\x0a\x02\x08\x01", "proto: wrong wireType = 0 for field Labels"),
        (b"\x0a\x04\x12\x02\x10\x01", "proto: wrong wireType = 0 for field Line"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "proto: negative length found during unmarshaling"),
    ],
)
def test_bytes_that_are_no_push_are_diagnosed_as_lokis_decoder_does(message, words):
    with pytest.raises(PushRefused) as refused:
        decode_protobuf(message)
    assert (refused.value.status, refused.value.text) == (400, words)


@given(st.binary(max_size=60), st.booleans(), st.sampled_from(["application/json", "application/x-protobuf"]))
def test_for_every_body_decoding_gives_streams_or_a_refusal(content, compressed, content_type):
    status = 204
    try:
        decode_push(body(snappy.compress(content) if compressed else content, content_type))
    except PushRefused as refused:
        status = refused.status
    assert status in (204, 400)


def test_the_message_classes_read_what_they_write():
    request = PushRequest()
    entry = request.streams.add(labels=b"{}", hash=7).entries.add(line=b"\xff")
    entry.timestamp.seconds, entry.timestamp.nanos = -1, 5
    assert PushRequest.FromString(request.SerializeToString()) == request
