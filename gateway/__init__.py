"""The home: reads devices over Bluetooth, keeps every byte, sends it until the clinic has it."""
