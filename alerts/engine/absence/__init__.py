"""Nothing came: when that becomes work for somebody, and why it may be."""
