"""The time of day, the devices' and the machine's own: what is believed of it, and why."""
