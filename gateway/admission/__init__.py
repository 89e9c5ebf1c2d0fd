"""Which devices are near, and which of them count because a person paired them here."""
