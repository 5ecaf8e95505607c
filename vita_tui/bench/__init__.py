"""Measuring VITA with its own parts: recognition, whole turns, memory, the screen; and telling a change from noise."""
