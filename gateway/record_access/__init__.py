"""Record Access Control Point: how a numbered memory is emptied without a gap."""
