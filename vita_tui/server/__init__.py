"""`vita serve`: the engines of this machine for other programs, by protocols that they speak already."""
