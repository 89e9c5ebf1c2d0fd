"""What people at the gateway see: commands for a visiting nurse, checks, and the local page."""
