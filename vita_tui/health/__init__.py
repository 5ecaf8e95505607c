"""Long-running operation: metrics, circuit breakers, memory."""
