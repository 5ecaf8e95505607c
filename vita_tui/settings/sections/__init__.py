"""The sections of the settings file, one file each."""
