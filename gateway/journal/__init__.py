"""Every notification on the disk before anything else, until the clinic has it."""
