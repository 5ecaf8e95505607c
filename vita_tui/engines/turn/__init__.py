"""Whether the user has finished, judged by the sound."""
