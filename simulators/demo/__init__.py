"""Everything on one machine: servers, daemons, simulated homes; and the check that counts them."""
