"""Engines: who understands (stt), who thinks (llm), who speaks (tts)."""
