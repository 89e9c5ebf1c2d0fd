"""Rule books: clinical knowledge as data, checked when it is loaded, compiled to numpy."""
