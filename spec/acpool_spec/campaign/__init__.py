"""``acpool explore``: scopes of a pool explored on many processes, kept across interruptions, and told in one table.

A *unit* of work is a scope, or a subtree of one that is large. Workers get the names of what they explore, never code, and
answer with data. What is finished is kept in a journal.
"""
