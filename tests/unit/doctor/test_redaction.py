"""Redaction: what is sent names nobody and opens nothing."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipexenv.doctor.redaction import redact, redacted

ENV = {"HOME": "/home/eve", "USER": "eve", "HF_TOKEN": "s3cr3tvalue", "PATH": "/usr/bin"}

LETTERS = string.ascii_letters + string.digits
SECRETS = st.text(LETTERS, min_size=8, max_size=40).map(lambda text: f"Zq7{text}")
NAMES = st.text(string.ascii_lowercase, min_size=3, max_size=10).map(lambda text: f"zq{text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://bob:pw@example.invalid/simple", "https://example.invalid/simple"),
        ("HF_TOKEN=abc next", "HF_TOKEN=*** next"),
        ("it is s3cr3tvalue here", "it is *** here"),
        ("/home/eve/venv/bin and /home/evelyn", "~/venv/bin and /home/USER"),
        ("/home/mallory/x.py:3", "/home/USER/x.py:3"),
        ("eve@node1: eve, eventually", "USER@HOST: USER, eventually"),
        ("Node1.cluster.example", "HOST.cluster.example"),
        ("/scratch/eve/run and /data/eve_old", "/scratch/USER/run and /data/USER_old"),
        ("hf_abcdefghijklmnopqrstuv", "***"),
        ("https://files.invalid/x.whl?X-Amz-Signature=abc&b=c and on", "https://files.invalid/x.whl?*** and on"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: ***"),
        ("curl --password hunter22 x", "curl --password *** x"),
        ('{"api_key": "abc def", "n": 1}', '{"api_key": ***, "n": 1}'),
        ("tokenizers==0.21.0 author: Bob", "tokenizers==0.21.0 author: Bob"),
        ("PyTorch 2.8.0 needs IPEX 2.8", "PyTorch 2.8.0 needs IPEX 2.8"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_and_names_go(text: str, expected: str) -> None:
    assert redact(text, ENV, host="node1") == expected


def test_whole_documents() -> None:
    document = {"a": ["/home/eve/x", {"b": "s3cr3tvalue"}], "n": 3, "none": None, "/home/eve/k": 1}
    assert redacted(document, ENV) == {"a": ["~/x", {"b": "***"}], "n": 3, "none": None, "~/k": 1}


def test_hosts_of_a_hostfile_and_their_users_go() -> None:
    others = ("mallory@node7.cluster", "10.1.2.3")
    text = "ssh mallory@node7.cluster, node7 and 10.1.2.3, torch 10.1"
    assert redact(text, {}, others=others) == "ssh USER@HOST, HOST and HOST, torch 10.1"
    assert redacted([{"x": text}], {}, others=others) == [{"x": "ssh USER@HOST, HOST and HOST, torch 10.1"}]


def test_a_variable_that_holds_an_ordinary_word_spoils_no_text() -> None:
    assert redact("bf16 is true, auto", {"TOKENIZERS_PARALLELISM": "true", "X_AUTH": "auto"}) == "bf16 is true, auto"


def test_the_superuser_of_a_container_is_nobody() -> None:
    assert (
        redact("/srv/root/x and I_MPI_ROOT, root", {"HOME": "/srv/root", "USER": "root"}) == "~/x and I_MPI_ROOT, root"
    )


@given(secret=SECRETS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_value_of_a_secret_variable_survives(secret: str, before: str, after: str) -> None:
    assert secret not in redact(f"{before}{secret}{after}", {"MY_API_KEY": secret})


@given(secret=SECRETS, shape=st.sampled_from(["{}@", "bob:{}@"]), rest=st.sampled_from(["", "/simple", ":8080/x?y=1"]))
def test_no_credentials_of_an_address_survive(secret: str, shape: str, rest: str) -> None:
    assert secret not in redact(f"index https://{shape.format(secret)}example.invalid{rest} fails", {})


@given(secret=SECRETS, key=st.sampled_from(["token", "X-Amz-Signature", "sig", "access_token"]))
def test_no_query_of_an_address_survives(secret: str, key: str) -> None:
    assert secret not in redact(f"GET https://example.invalid/a.whl?b=1&{key}={secret}", {})


@given(secret=SECRETS, name=st.sampled_from(["https_proxy", "HTTP_PROXY", "all_proxy"]))
def test_no_proxy_survives(secret: str, name: str) -> None:
    env = {name: f"http://user:{secret}@{secret}.corp.invalid:3128/"}
    text = f"{name}={env[name]} and proxy {secret}.corp.invalid:3128 and http://{secret}.corp.invalid:3128"
    assert secret not in redact(text, env)


@given(
    secret=SECRETS,
    line=st.sampled_from(
        [
            "DB_PASSWORD={}",
            "export WANDB_API_KEY='{}'",
            '"aws_secret_access_key": "{}"',
            "password: {}",
            "--token {}",
            "--hub_token={}",
            "Authorization: Basic {}",
            "Authorization: token {}",
            "bearer {}",
            "ghp_aaaaaaaaaaaa{}",
        ]
    ),
)
def test_no_assigned_secret_survives(secret: str, line: str) -> None:
    assert secret not in redact(f"x {line.format(secret)} y", {})


@given(user=NAMES, host=NAMES, data=st.data())
def test_no_name_survives(user: str, host: str, data: st.DataObject) -> None:
    env = {"HOME": f"/data/homes/{user}", "USER": user}
    place = data.draw(
        st.sampled_from(
            ["{h}/venv/bin", "/scratch/{u}/x", "{u}@{n}", "rank 0 on {n}.site.example", "/home/{u}", "({n})"]
        )
    )
    text = place.format(h=env["HOME"], u=user, n=host)
    told = redact(text, env, host=f"{host}.site.example")
    assert user not in told
    assert host not in told


@given(st.recursive(st.none() | st.integers() | st.text(max_size=20), lambda leaf: st.lists(leaf, max_size=3)))
def test_a_document_stays_one_and_redacting_twice_changes_nothing(document: object) -> None:
    once = redacted(document, ENV, host="node1")
    assert redacted(once, ENV, host="node1") == once
    assert json.loads(json.dumps(once)) == once
