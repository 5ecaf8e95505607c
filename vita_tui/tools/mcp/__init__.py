"""A client of the Model Context Protocol: servers of the settings file, and what they offer."""
