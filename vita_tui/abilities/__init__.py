"""What VITA does besides talking: requests that are understood and carried out without a model."""
