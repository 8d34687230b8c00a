"""Many videos, and everything that makes a run survive: no console, events through a listener."""
