"""What is understood and done without a model."""
