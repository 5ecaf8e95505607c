"""Speech recognition on servers."""
