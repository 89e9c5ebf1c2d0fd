"""From readings to transitions: which condition began, worsened, eased or ended, and why."""
