"""`vita ask` with a server: the answer and nothing else on stdout, what there is to be told on stderr and in the JSON."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.forked import run_vita
from vita_tui.cli.ask import PrintedReply
from vita_tui.clock import FakeClock
from vita_tui.events import ReplyDelta, ReplyStarted


@contextlib.contextmanager
def serving(
    *deltas: str, finish: str = "stop", status: int = 200
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that writes `deltas`, and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = self.path == "/v1/chat/completions"
            self.send_response(status if found else 404)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            if not found:
                return
            asked.append(body)
            if status != 200:
                self.wfile.write(b'{"error": "the GPU is on fire"}')
                return
            ends = {"choices": [{"delta": {}, "finish_reason": finish}]}
            for event in (*({"choices": [{"delta": {"content": delta}}]} for delta in deltas), ends):
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()


def ask(base_url: str, *arguments: str, question: str = "Hi", **env: str) -> subprocess.CompletedProcess[str]:
    chosen = {"VITA_LLM__BASE_URL": base_url, "VITA_LLM__MODEL": "m"}
    done = run_vita("ask", *arguments, "-", input=question, env={**os.environ, **chosen, **env})
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize(
    "written",
    ["It is Paris.", "Brief.\n</think>\n\nIt is Paris.", "<think>Hm.</think>It is Paris.<|im_end|>"],
)
def test_only_the_answer_is_printed(written: str) -> None:
    with serving(*written) as (url, asked):
        done = ask(url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "It is Paris.\n", "")
    # As much as is set, or what the window has left beside the tools that are offered.
    assert 1000 < asked[0]["max_tokens"] <= 2048


def test_a_reply_that_is_cut_says_so() -> None:
    with serving("It is", finish="length") as (url, _):
        told, data = ask(url, VITA_LLM__MAX_TOKENS="7"), ask(url, "--json", VITA_LLM__MAX_TOKENS="7")
    assert told.stdout == "It is\n"
    assert "The reply was cut at 7 tokens (llm.max_tokens)." in told.stderr
    found = json.loads(data.stdout)
    assert (found["reply"], found["finish"], found["note"]) == (
        "It is",
        "length",
        "cut at 7 tokens (llm.max_tokens)",
    )
    assert (found["engine"], found["instead_of"], found["because"]) == (f"m at {url[7:-3]}", None, None)


def test_a_question_that_is_too_long_is_not_cut_in_silence() -> None:
    with serving("Yes.") as (url, asked):
        done = ask(url, question="word " * 20_000, VITA_LLM__CONTEXT_WINDOW="2048")
    assert done.stdout == "Yes.\n"
    (line,) = done.stderr.splitlines()
    assert "Too long for this model: " in line
    assert "of 20," in line
    assert len(asked[0]["messages"][-1]["content"]) < 10_000


def test_without_a_fallback_it_fails_with_the_servers_reason() -> None:
    with serving(status=500) as (url, _):
        done = ask(url, "--no-fallback")
    assert (done.returncode, done.stdout) == (3, "")
    assert "answered with HTTP status 500: the GPU is on fire" in done.stderr
    assert "tried again" not in done.stderr


def test_who_reads_a_pipe_need_not_wait_for_a_slow_server(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    answer = PrintedReply(quiet=False, clock=clock)
    answer.listen(ReplyStarted(1, "m at host:1"))
    for _ in range(10):
        answer.listen(ReplyDelta(1, "word "))
    assert capsys.readouterr().out == "", "it may be reasoning yet"
    clock.advance(2.0)
    answer.listen(ReplyDelta(1, "more"))
    assert capsys.readouterr().out == "word " * 10 + "more"
