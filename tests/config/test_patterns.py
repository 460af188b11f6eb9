"""Checks of patterns: what passes is what the pipeline can use."""

import re2
from hypothesis import example, given
from hypothesis import strategies as st

from shipper.config.mistakes import Wrong
from shipper.config.patterns import check_replacement, compiled
from shipper.config.stages import Replace
from shipper.pipeline.stages.editing import ReplaceMatches

PATTERN = "(?P<name>a)(b)?"
PIECES = st.sampled_from(
    ["\\", "\\\\", "0", "1", "2", "3", "g<name>", "g<2>", "g<3>", "g<other>", "g<", "x", "한", ">"]
)


@given(st.lists(PIECES, max_size=8).map("".join))
@example(r"\\3")
def test_for_every_replacement_it_is_taken_exactly_if_the_pipeline_can_make_it(text):
    usable = taken = True
    try:
        ReplaceMatches(Replace(pattern=PATTERN, with_=text))._replaced(b"-a-ab-")
    except IndexError:
        usable = False
    try:
        check_replacement(PATTERN, text)
    except Wrong:
        taken = False
    assert taken == usable


@given(st.text(alphabet="ab()[]{}?*+|\\\\pPdxQ<>:=!^$1-9,한", max_size=14))
def test_for_every_text_it_is_wrong_or_a_pattern_for_the_bytes_of_lines_too(text):
    groups, words = -1, ""
    try:
        groups = compiled(text).groups
    except Wrong as wrong:
        words = str(wrong)
    assert words.startswith("expected an RE2 pattern, got ") or re2.compile(text.encode()).groups == groups
