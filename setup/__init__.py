"""`make setup`: an environment under .venv/ from a bare python3, with nothing but its library."""
