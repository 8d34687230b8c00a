"""Many videos, and everything that makes a run survive: no console, but events and `logging`."""
