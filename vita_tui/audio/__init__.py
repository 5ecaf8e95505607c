"""Microphone and speaker, and what lies between them and numbers."""
