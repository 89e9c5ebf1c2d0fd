"""What a record of the log says of readings: taken or not, as columns, and what is kept of one."""
