"""Frames in, labels out: memory, segmenter and the loop around them."""
