"""A log from a file through the rules, as `vitalwire rules judge` does: lenient in form."""
