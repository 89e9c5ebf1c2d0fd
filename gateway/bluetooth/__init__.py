"""Everything that touches Bluetooth: bleak's BlueZ backend as it is, and org.bluez on the bus."""
