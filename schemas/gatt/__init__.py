"""The devices' byte layouts: pure codecs, both ways.

One module per GATT characteristic (or family), each with a frozen value type, a ``decode`` from
bytes and an ``encode`` back. Decoding follows the flags strictly, keeps what it does not know
(reserved bits, unknown codes, trailing bytes) and raises ``schemas.gatt.errors.MalformedPayload``
and nothing else. Encoding a value that no device could send is a programmer's error: it raises
``ValueError`` or ``OverflowError``.
"""
