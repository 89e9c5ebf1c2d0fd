"""Alerts: rule books, the engine that applies them, the page that shows what they raise."""
