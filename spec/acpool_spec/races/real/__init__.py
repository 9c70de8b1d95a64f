"""Races that need a real process or a real file: each module shows one, and the same on the design that avoids it."""
