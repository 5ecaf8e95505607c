"""`vita mcp`: servers in the settings file, and those of other programs' files."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vita_tui import paths
from vita_tui.cli.app import app
from vita_tui.errors import SettingsError
from vita_tui.tools.mcp import servers_file

RUN = CliRunner()
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    monkeypatch.delenv("VITA_CONFIG", raising=False)


def written() -> dict[str, object]:
    content = tomllib.loads(paths.config_file().read_text(encoding="utf-8"))
    found: dict[str, object] = content.get("mcp", {}).get("servers", {})
    return found


def test_a_server_is_written_and_removed_and_comments_stay() -> None:
    config = paths.config_file()
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("# mine\n[tts]\nrate = 1.2  # quick\n", encoding="utf-8")
    servers_file.add("time", {"command": "uvx", "args": ["mcp-server-time"], "env": {"TZ": "UTC"}})
    servers_file.add("web", {"url": "https://example.org/mcp", "headers": {"Authorization": "Bearer x"}})
    servers_file.add("time", {"command": "uvx", "args": ["mcp-server-time", "--local-timezone", "UTC"]})
    text = config.read_text(encoding="utf-8")
    assert "# mine" in text
    assert "rate = 1.2  # quick" in text
    assert written()["time"] == {"command": "uvx", "args": ["mcp-server-time", "--local-timezone", "UTC"]}
    servers_file.remove("time")
    assert list(written()) == ["web"]
    servers_file.remove("web")
    assert config.read_text(encoding="utf-8").strip() == "# mine\n[tts]\nrate = 1.2  # quick"
    with pytest.raises(SettingsError, match="no MCP server web"):
        servers_file.remove("web")


@pytest.mark.parametrize("server", [{}, {"command": "a", "url": "http://b"}])
def test_what_would_not_be_valid_is_not_written(server: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        servers_file.add("bad", server)
    with pytest.raises(SettingsError):
        servers_file.add("bad name", {"command": "a"})
    assert not paths.config_file().exists()


FILES = {
    "claude": (
        {"mcpServers": {"fs": {"command": "npx", "args": ["-y", "server", "/tmp"], "env": {"A": "1"}}}},
        {"fs": {"command": "npx", "args": ["-y", "server", "/tmp"], "env": {"A": "1"}}},
    ),
    "vscode": (
        {"servers": {"web": {"type": "http", "url": "https://x/mcp", "headers": {"K": "v"}}}},
        {"web": {"url": "https://x/mcp", "headers": {"K": "v"}}},
    ),
    "vscode settings": (
        {"mcp": {"servers": {"one": {"command": "a"}}}},
        {"one": {"command": "a", "args": []}},
    ),
    "zed": (
        {"context_servers": {"pg": {"command": {"path": "pg", "args": ["x"], "env": {"B": "2"}}}}},
        {"pg": {"command": "pg", "args": ["x"], "env": {"B": "2"}}},
    ),
    "a list as the command, a name with blanks, disabled": (
        {"mcpServers": {"My Server!": {"command": ["a", "b"], "disabled": True}}},
        {"My-Server": {"command": "a", "args": ["b"], "disabled": True}},
    ),
}
"""What other programs' files look like, and what is meant."""


@pytest.mark.parametrize("kind", FILES)
def test_servers_of_other_programs_are_understood(kind: str, tmp_path: Path) -> None:
    content, expected = FILES[kind]
    source = tmp_path / "other.json"
    source.write_text("// theirs\n" + json.dumps(content), encoding="utf-8")
    assert servers_file.of_other_program(source) == expected
    assert RUN.invoke(app, ["mcp", "import", str(source)]).exit_code == 0
    assert list(written()) == list(expected)


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"mcpServers": {}}', '{"mcpServers": {"a": {}}}'])
def test_a_file_without_servers_is_a_sentence(text: str, tmp_path: Path) -> None:
    source = tmp_path / "other.json"
    source.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError):
        servers_file.of_other_program(source)


def test_servers_are_listed_without_being_started() -> None:
    servers_file.add("time", {"command": "/no/such/program", "args": ["x"]})
    listed = RUN.invoke(app, ["mcp", "list", "--json"])
    assert json.loads(listed.stdout) == [
        {"name": "time", "command": ["/no/such/program", "x"], "url": None, "disabled": False, "tools": None}
    ]


@pytest.mark.slow
def test_a_server_is_added_tried_and_known() -> None:
    pytest.importorskip("mcp", reason="the package mcp is not installed")
    words = [sys.executable, "-m", "tests.tools.mcp_server"]
    added = RUN.invoke(app, ["mcp", "add", "small", "--env", f"PYTHONPATH={ROOT}", "--", *words])
    assert added.exit_code == 0, added.output
    assert "add\tlooks only" in added.stdout
    assert "@small:note://today" in added.stdout
    assert "/small:review" in added.stdout
    [row] = json.loads(RUN.invoke(app, ["mcp", "list", "--json"]).stdout)
    assert "add" in row["tools"]
