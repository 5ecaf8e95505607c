"""OpenAI's Realtime protocol: a conversation by voice over one WebSocket."""
