"""Mutants of our own pool: declared, made in processes of their own, and each to be caught."""
