"""The museum of races: what goes wrong in session pools, each with a pool that has it and a schedule that shows it."""
