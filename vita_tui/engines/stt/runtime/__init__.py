"""What runs the Whisper weights."""
