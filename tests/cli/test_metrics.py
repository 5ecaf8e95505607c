"""`vita metrics`, as users run it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.forked import run_vita
from vita_tui.health.metrics import Metrics

CODE = "import typer; from vita_tui.cli.metrics import metrics; typer.run(metrics)"


def _vita(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_vita("metrics", *arguments)


@pytest.fixture
def used() -> None:
    """A VITA has been used before."""
    metrics = Metrics()
    metrics.count("turns", 12)
    metrics.time("turn_stage_seconds", 0.123, stage="stt")
    metrics.call("engine_calls", ok=False, engine="piper")
    assert metrics.save()


def test_without_figures_it_says_so() -> None:
    done = _vita()
    assert (done.returncode, done.stdout) == (0, "")
    assert "no figures yet" in done.stderr
    assert json.loads(_vita("--json").stdout) == []


@pytest.mark.usefixtures("used")
def test_it_shows_stages_calls_and_counts() -> None:
    lines = _vita().stdout.splitlines()
    assert lines[0].split() == ["milliseconds", "times", "p50", "p95", "p99", "max"]
    assert lines[1].split() == ["turn_stage_seconds", "(stt)", "1", "123", "123", "123", "123"]
    assert ["engine_calls", "(piper)", "1", "1", "100%"] in [line.split() for line in lines]
    assert ["turns", "12"] in [line.split() for line in lines]


@pytest.mark.usefixtures("used")
def test_it_gives_json_and_prometheus() -> None:
    found = {item["name"]: item for item in json.loads(_vita("--json").stdout)}
    assert found["turn_stage_seconds"]["p95_ms"] == 123.0
    text = _vita("--prometheus").stdout
    assert 'vita_turn_stage_seconds{quantile="0.95",stage="stt"} 0.123' in text
    assert "vita_turns_total 12.0" in text


def test_forms_exclude_each_other() -> None:
    done = _vita("--json", "--prometheus")
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_prometheus_on_loopback_with_the_newest_figures(end: signal.Signals) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", CODE, "--listen", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url) as answer:
            assert "vita_turns_total 12.0" in answer.read().decode()
        later = Metrics()
        later.count("turns")
        later.save()
        with urllib.request.urlopen(url) as answer:
            assert "vita_turns_total 13.0" in answer.read().decode()
    finally:
        server.send_signal(end)
        server.communicate()
    assert server.returncode in (0, 130)


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _vita("--listen", str(port))
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stderr
