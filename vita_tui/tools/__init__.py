"""What a language model may do besides answering: tools of VITA's own, and those of MCP servers."""
