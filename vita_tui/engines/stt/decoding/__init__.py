"""How audio becomes words: windows, runaway repetition, voice activity."""
