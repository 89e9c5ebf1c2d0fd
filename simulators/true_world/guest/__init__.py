"""What runs in the emulated machine beside Debian's; at the same paths as here."""
