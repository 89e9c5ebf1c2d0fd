"""Back-tests: history through the real engine, and what a book would have asked of people."""
