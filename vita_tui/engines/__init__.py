"""Engines: speech recognition (stt), language models (llm), voices (tts)."""
