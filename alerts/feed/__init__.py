"""The feed: a page, a stream and an API for the people who look after the patients."""
