"""Text that may be shown, and text as it is said."""
