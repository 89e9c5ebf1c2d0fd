"""When a device is visited, and what a visit does: tables and decisions, no Bluetooth."""
