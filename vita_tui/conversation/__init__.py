"""One conversation: listening, thinking, speaking, and what was heard."""
