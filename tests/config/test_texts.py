"""Time zones, encodings and time formats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.mistakes import Wrong
from shipper.config.texts import check_encoding, check_format, check_timezone
from shipper.pipeline.strptime import pattern_of


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "utf-8-sig", "ascii", "latin-1", "cp1252", "euc-kr", "cp949", "gb18030"]
)
def test_an_encoding_that_contains_ascii_is_taken(name):
    assert check_encoding(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("utf-16", "utf-32", "utf-7", "cp037", "hz", "iso2022_jp", "iso2022_kr"),
        *("unicode_escape", "raw_unicode_escape", "punycode", "idna"),
    ],
)
def test_an_encoding_in_which_ascii_may_mean_something_else_is_refused_with_its_cure(name):
    with pytest.raises(Wrong) as wrong:
        check_encoding(name)
    assert str(wrong.value) == (
        f'expected a text encoding that contains ASCII, got "{name}"; write the log as UTF-8, or convert it '
        "before it is read: a line's end must be the one byte 0x0A"
    )


@pytest.mark.parametrize("name", ["", "utf8x", "base64", "rot13", "undefined", "../x", "a\0b", "한"])
def test_what_is_no_text_encoding_is_refused(name):
    with pytest.raises(Wrong, match=r"^expected a text encoding that Python knows, got "):
        check_encoding(name)


@given(st.text(max_size=12))
def test_for_every_text_the_answer_is_itself_or_wrong(text):
    for check in (check_encoding, check_timezone, check_format):
        try:
            assert check(text) == text
        except Wrong as wrong:
            assert str(wrong).startswith("expected ")  # noqa: PT017 (either is right)


@pytest.mark.parametrize("name", ["UTC", "Asia/Seoul", "Europe/Berlin", "Etc/GMT+9"])
def test_a_known_zone_is_taken(name):
    assert check_timezone(name) == name


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("Asia/Soul", 'did you mean "Asia/Seoul"?'),
        ("asia/seoul", 'did you mean "Asia/Seoul"?'),
        ("+09:00", 'names are like "Europe/Berlin"'),
        ("../../etc/passwd", 'names are like "Europe/Berlin"'),
        ("", 'names are like "Europe/Berlin"'),
    ],
)
def test_an_unknown_zone_is_told_with_the_nearest(name, cure):
    with pytest.raises(Wrong) as wrong:
        check_timezone(name)
    assert str(wrong.value) == f'expected a time zone such as "Asia/Seoul", got "{name}"; {cure}'


@pytest.mark.parametrize(
    "text",
    [
        "auto",
        "rfc3339",
        "unix",
        "unix_ms",
        "unix_us",
        "unix_ns",
        "%Y-%m-%d %H:%M:%S,%f",
        "%b %e %H:%M:%S",
        "%s",
        "%j %H",
    ],
)
def test_a_format_with_a_date_is_taken(text):
    assert check_format(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RFC3339Nano", 'did you mean "rfc3339"?'),
        ("UnixMs", 'did you mean "unix_ms"?'),
        ("Jan _2 15:04:05", 'this is a Go layout; in strptime it begins like "%Y-%m-%d %H:%M:%S"'),
        ("%Y-%m-%d %Q", "%Q is no directive"),
        ("%T", "a time without its date is ambiguous"),
        ("%Y-%m-%d %", "a lone % ends it"),
        ("%H:%M:%S", "a time without its date is ambiguous"),
    ],
)
def test_a_wrong_format_is_told_with_its_cure(text, message):
    with pytest.raises(Wrong) as wrong:
        check_format(text)
    assert str(wrong.value).endswith(f', got "{text}"; {message}')


@given(st.text("%%%YmdbHMSTFDRfzsjQ -", max_size=12).filter(lambda text: "%" in text))
def test_for_every_format_that_is_taken_the_pipeline_has_a_reader(text):
    try:
        check_format(text)
    except Wrong:
        return
    assert pattern_of(text) != ""


@given(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%"))
def test_for_every_directive_it_is_taken_exactly_if_the_pipeline_reads_it(directive):
    text = f"%Y-%m-%d %{directive}"
    try:
        pattern_of(text)
    except ValueError:
        with pytest.raises(Wrong):
            check_format(text)
    else:
        assert check_format(text) == text
