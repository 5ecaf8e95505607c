"""From the microphone to a final transcript: when the user speaks, has finished, or interrupts."""
