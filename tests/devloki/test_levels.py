"""The level Loki 3 detects for an entry."""

import pytest

from shipper.devloki.levels import detect_level, given_level


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (b"hello", "unknown"),
        (b"", "unknown"),
        (b"INFO: started", "info"),
        (b"an error in some info", "info"),
        (b"error here", "error"),
        (b"WARNING: x", "warn"),
        (b"CRITICAL: x", "critical"),
        (b"debug: x", "debug"),
        (b'{"level": "ERROR", "event": "info"}', "error"),
        (b'{"severity": "warning"}', "warn"),
        (b'{"level": "strange", "event": "error"}', "error"),
        (b'{"level": 40}', "unknown"),
        (b'{"level": "error"', "error"),
        (b"level=debug msg=info", "debug"),
        (b'ts=1 lvl="err" msg=x', "error"),
        (b"a=b an info", "info"),
    ],
)
def test_a_lines_level_is_its_field_or_its_words(line, level):
    assert detect_level(line) == level


@pytest.mark.parametrize(
    ("labels", "level"),
    [((), None), ((("job", "x"),), None), ((("level", "WARN"),), "WARN"), ((("severity_text", "e"),), "e")],
)
def test_a_level_that_stands_in_the_labels_is_taken_as_it_is(labels, level):
    assert given_level(labels) == level


def test_metadata_names_the_level_before_the_line_does(loki):
    loki.push(('{job="a"}', [(loki.now, "info", [("level", "error")]), (loki.now + 1, "info")]))
    assert [(labels["detected_level"], len(values)) for labels, values in loki.streams('{job="a"}')] == [
        ("error", 1),
        ("info", 1),
    ]
