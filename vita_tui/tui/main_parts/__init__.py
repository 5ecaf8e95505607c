"""The main screen by theme: each part has its keys, what they do, and the events that it shows."""
