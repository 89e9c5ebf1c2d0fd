"""The readings of a batch, each in its turn; timers and dates; rules that come and go."""
