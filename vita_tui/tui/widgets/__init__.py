"""The parts of the screen. Each shows what it is given and sends messages of its own; none knows an engine."""
