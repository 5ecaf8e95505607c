"""Alerts for those who do not look at the screen: posted to an address, and given to a command."""

from __future__ import annotations

import json
import logging
import queue
import shlex
import subprocess
from collections.abc import Callable

from vita_tui.clock import Clock
from vita_tui.errors import VitaError
from vita_tui.events import Alert, Event, EventBus, Passed
from vita_tui.health.threads import RegisteredThread
from vita_tui.settings import HealthSettings
from vita_tui.tools.commands import end_group

__all__ = ["AlertDelivery"]

log = logging.getLogger(__name__)

WAITING = 100
"""Alerts that wait for an address that does not answer; the oldest goes first."""
SECONDS = 10.0
"""For the address to answer, and for the command to end."""


class AlertDelivery:
    """Owns the `alerts` thread, where there is an address or a command. `start` it once; `cleanup` may be called twice."""

    def __init__(self, settings: HealthSettings, bus: EventBus, clock: Clock) -> None:
        self._settings = settings
        self._bus = bus
        self._clock = clock
        self._queue: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._told: set[str] = set()
        self._thread: RegisteredThread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        if self._thread is None and (
            self._settings.alert_webhook.get_secret_value() or self._settings.alert_command
        ):
            self._unsubscribe = self._bus.subscribe(self._take)
            self._thread = RegisteredThread(
                self._run, name="alerts", owner="conversation.alert_delivery", close=self.cleanup
            )
            self._thread.start()

    def cleanup(self) -> None:
        """Stop; what waits is not delivered any more."""
        self._unsubscribe()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._put(None)
        if (child := self._child) is not None:
            _kill(child)
        thread.finish(1.0)

    # ---- from any thread

    def _take(self, event: Event) -> None:
        if isinstance(event, Alert):
            self._told.add(event.key)
            self._put(self._message("firing", event.key, event.title, event.message, event.remedy))
        elif isinstance(event, Passed) and event.key in self._told:
            self._told.discard(event.key)
            self._put(self._message("cleared", event.key))

    def _message(self, status: str, key: str, title: str = "", message: str = "", remedy: str = "") -> bytes:
        told = {"status": status, "key": key, "title": title, "message": message, "remedy": remedy}
        return json.dumps(
            {"program": "vita", "time": round(self._clock.time(), 3), **told}, ensure_ascii=False
        ).encode("utf-8", "replace")

    def _put(self, message: bytes | None) -> None:
        while True:
            try:
                self._queue.put_nowait(message)
                return
            except queue.Full:
                try:
                    self._queue.get_nowait()
                except queue.Empty:
                    continue

    # ---- the thread "alerts"

    def _run(self) -> None:
        while (message := self._queue.get()) is not None:
            if self._settings.alert_webhook.get_secret_value():
                self._post(message)
            if self._settings.alert_command:
                self._call(message)

    def _post(self, message: bytes) -> None:
        import httpx2

        from vita_tui.engines.http_client import Server, client

        try:
            server = Server.named(
                self._settings.alert_webhook.get_secret_value(),
                key="",
                section="health",
                kind="receiver of alerts",
            )
            with client(server, httpx2.Timeout(SECONDS)) as http:
                answer = http.post(server.url, content=message, headers={"Content-Type": "application/json"})
            if not answer.is_success:
                log.warning("%s answered an alert with HTTP status %s", server.where, answer.status_code)
        except (httpx2.HTTPError, VitaError, OSError) as error:
            log.warning("an alert was not delivered: %s", type(error).__name__)

    def _call(self, message: bytes) -> None:
        try:
            words = shlex.split(self._settings.alert_command)
            self._child = child = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError, IndexError) as error:
            log.warning("health.alert_command cannot be run: %s", error)
            return
        try:
            child.communicate(message, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("health.alert_command took longer than %g s", SECONDS)
            _kill(child)
            child.communicate()
        finally:
            self._child = None
        if child.returncode:
            log.warning("health.alert_command ended with code %s", child.returncode)


def _kill(child: subprocess.Popen[bytes]) -> None:
    end_group(child.pid)
    child.kill()  # where there are no groups
