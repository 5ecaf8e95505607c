"""The checks behind `vita doctor`."""
