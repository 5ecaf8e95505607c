"""What keeps VITA well over days."""
