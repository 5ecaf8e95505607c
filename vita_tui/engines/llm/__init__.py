"""Large language models: who thinks."""
