"""Alerts that leave the screen: each is posted once and given to the command once, and so is that it has cleared."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.engines.stt.served.recognition_servers import http_server
from vita_tui.clock import FakeClock
from vita_tui.conversation.alert_delivery import AlertDelivery
from vita_tui.events import Alert, EventBus, Notice, Passed
from vita_tui.health.registry import registry
from vita_tui.settings import HealthSettings

WRITES = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"


def test_an_alert_is_posted_and_so_is_its_end() -> None:
    bus = EventBus()
    with http_server((200, "text/plain", b"ok")) as server:
        settings = HealthSettings.model_validate({"alert_webhook": f"{server.url}/hook"})
        delivery = AlertDelivery(settings, bus, FakeClock())
        delivery.start()
        bus.publish(Notice("Not an alert", key="rule:p95"))
        bus.publish(Passed("rule:p95"))
        bus.publish(Alert("Answers are slow", "7 s", "vita metrics", "warning", "rule:p95"))
        bus.publish(Passed("rule:p95"))
        bus.publish(Passed("rule:p95"))
        bus.publish(Alert("The last one", "", "", "warning", "end"))
        while len(server.requests) < 3:
            assert server.came.wait(60)
            server.came.clear()
        delivery.cleanup()
        delivery.cleanup()
        told = [json.loads(one) for one in server.requests]
        assert [(one["status"], one["key"]) for one in told] == [
            ("firing", "rule:p95"),
            ("cleared", "rule:p95"),
            ("firing", "end"),
        ]
        assert told[0]["title"] == "Answers are slow"
        assert server.paths == ["/v1/hook"] * 3
    assert not [one for one in registry.open() if one.name == "alerts"]


def test_a_command_gets_it_as_its_input_and_an_address_that_is_away_keeps_nobody(tmp_path: Path) -> None:
    file = tmp_path / "with a blank" / "alerts"
    file.parent.mkdir()
    settings = HealthSettings.model_validate(
        {
            "alert_webhook": "http://127.0.0.1:9/",
            "alert_command": f"'{sys.executable}' -c \"{WRITES}\" '{file}'",
        }
    )
    bus = EventBus()
    delivery = AlertDelivery(settings, bus, FakeClock())
    delivery.start()
    thread = delivery._thread
    assert thread is not None
    bus.publish(Alert("VITA uses much memory", "“1100 MB”", "", "warning", "rule:memory"))
    delivery._queue.put(None)  # after it
    thread.join(60)
    assert json.loads(file.read_text())["message"] == "“1100 MB”"
    delivery.cleanup()


def test_nothing_runs_where_nothing_is_set() -> None:
    delivery = AlertDelivery(HealthSettings(), EventBus(), FakeClock())
    delivery.start()
    assert delivery._thread is None
