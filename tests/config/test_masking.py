"""No secret is shown."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.loading import examine_text
from shipper.config.masking import Masker, basic_credentials, describe, read_secret
from shipper.config.model import Config, FileSource, Loki
from shipper.errors import ConfigError

SECRET = Config(
    loki=Loki(
        url="https://user:hunter2@loki.example/p",
        proxy_url="http://proxyuser:proxypass@proxy:3128",
        headers={"Authorization": "Bearer sesame-open", "X-Debug": "1"},
    ),
    sources=(FileSource(name="a", paths=("x",), labels={"job": "a"}),),
    secrets=("from-the-environment",),
)
VALUES = ("hunter2", "proxypass", "sesame-open", "from-the-environment")


@pytest.mark.parametrize("shown", [repr(SECRET), str(SECRET), repr(SECRET.loki), repr(SECRET.__rich_repr__())])
def test_the_model_never_shows_a_secret(shown):
    assert [value for value in VALUES if value in shown] == []


def test_the_representation_of_loki_shows_the_rest():
    assert repr(SECRET.loki).startswith(
        "Loki(url='https://***@loki.example/p', tenant=None, basic_auth=None, bearer_token_file=None, "
        "headers={'Authorization': '***', 'X-Debug': '***'}, tls=Tls("
    )


def test_a_described_configuration_is_whole_and_masked():
    described = describe(SECRET)
    assert [value for value in VALUES if value in json.dumps(described)] == []
    assert described["loki"] == {
        "url": "https://***@loki.example/p",
        "headers": {"Authorization": "***", "X-Debug": "***"},
        "tls": {"insecure_skip_verify": False},
        "proxy_url": "http://***@proxy:3128",
        "proxy_from_environment": False,
        "batch_bytes": "1MiB",
        "batch_wait": "1s",
        "max_in_flight": 4,
        "timeout": "10s",
        "backoff": {"min": "500ms", "max": "30s"},
        "verify": "auto",
        "max_age": "168h",
        "max_ahead": "10m",
        "too_old": "dead-letter",
        "too_new": "restamp",
    }
    assert described["source"][0]["labels"] == {"job": "a"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password hunter2 refused", "password *** refused"),
        ("GET https://user:hunter2@loki.example/p", "GET https://***@loki.example/p"),
        ("GET https://other:p@ss@elsewhere/x?a=b@c", "GET https://***@elsewhere/x?a=b@c"),
        ("https://loki.example/a@b", "https://loki.example/a@b"),
        (f"Basic {basic_credentials('user', 'hunter2')}", "Basic ***"),
        ("header Bearer sesame-open", "header ***"),
        ("token sesame-open of user", "token *** of user"),
        ("attempt 1 of 10, X-Debug: 1", "attempt *** of 10, X-Debug: ***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_a_text_is_masked(text, masked):
    assert Masker.of(SECRET).mask(text) == masked


def test_a_secret_read_later_is_masked_too():
    masker = Masker.of(SECRET).adding("read-from-a-file")
    assert masker.mask("read-from-a-file hunter2") == "*** ***"
    assert repr(masker) == "Masker(9 secrets)"


LETTERS = st.characters(exclude_characters="*", exclude_categories=("Cs",))
SECRETS = st.text(LETTERS, min_size=4, max_size=12)
TEXT = st.text(LETTERS, max_size=8)


@given(st.lists(SECRETS, min_size=1, max_size=3), st.lists(TEXT, min_size=4, max_size=4))
def test_for_every_secret_no_way_of_writing_it_gets_through(secrets, texts):
    masker = Masker(secrets)
    for secret in secrets:
        written = [secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret)]
        text = "".join(part for pair in zip(texts, written, strict=True) for part in pair)
        masked = masker.mask(text)
        assert [form for form in written if form in masked] == []


@given(SECRETS.filter(str.isprintable), st.sampled_from(["url", "timezone", "headers.X", "batch_wait", "tenant"]))
def test_for_every_secret_of_the_environment_no_mistake_shows_it(secret, key):
    value = "${MY_TOKEN}" if key != "url" else "ftp://u:${MY_TOKEN}@h"
    examined = examine_text(
        f'[loki]\n{key} = "{value}"\n[agent]\nlisten = "{value}"'.encode(), "f", {"MY_TOKEN": secret}
    )
    messages = "".join(f"{problem.key} {problem.message}" for problem in examined.problems)
    clean = examine_text(f'[loki]\n{key} = "***"\n[agent]\nlisten = "***"'.encode(), "f", {})
    words = "".join(f"{problem.key} {problem.message}" for problem in clean.problems)
    assert examined.problems != ()
    assert secret not in messages or secret in words


@pytest.mark.parametrize(
    ("name", "hidden"),
    [("LOKI_PASSWORD", True), ("api_key", True), ("GITHUB_TOKEN", True), ("ENV", False), ("TOKEN_FILE", False)],
)
def test_a_variable_named_like_a_secret_is_one(name, hidden):
    text = f'labels.x = "${{{name}}}"\n[[source]]\nname = "a"\ntype = "file"\npaths = ["x"]'
    config = examine_text(text.encode(), "f", {name: "some-value"}).config
    assert config is not None
    assert config.secrets == (("some-value",) if hidden else ())


def test_a_short_or_unused_variable_is_no_secret():
    text = 'labels.x = "${KEY}"\n[[source]]\nname = "a"\ntype = "file"\npaths = ["x"]'
    config = examine_text(text.encode(), "f", {"KEY": "on", "OTHER_KEY": "some-value"}).config
    assert config is not None
    assert config.secrets == ()


@pytest.mark.parametrize(("written", "secret"), [("s\n", "s"), ("s\r\n", "s"), ("s", "s"), (" s ", " s ")])
def test_a_secret_file_holds_one_line(tmp_path, written, secret):
    path = tmp_path / "secret"
    path.write_bytes(written.encode())
    assert read_secret(str(path)) == secret


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (None, "cannot read the secret file {}: No such file or directory. Create the file with the secret as its "
               "only line and let this user read it"),
        (b"", "the secret file {} is empty or holds more than one line. Write the secret as its only line"),
        (b"a\nb\n", "the secret file {} is empty or holds more than one line. Write the secret as its only line"),
        (b"\xff", "cannot read the secret file {}: it is no UTF-8 text. Create the file with the secret as its "
                  "only line and let this user read it"),
    ],
)  # fmt: skip
def test_a_secret_file_that_cannot_be_used_is_told_with_its_cure(tmp_path, written, words):
    path = tmp_path / "secret"
    if written is not None:
        path.write_bytes(written)
    with pytest.raises(ConfigError) as error:
        read_secret(str(path))
    assert str(error.value) == words.format(path)
