"""Stored readings decoded anew from their raw bytes, after a decoder was mended."""
