"""The parts of the screen. Each shows what it is given and sends its own messages; none knows an engine."""
