"""A run, or a history, as a picture: one pure model of what there is to see, told as a page and as text.

``story`` is the model. ``recording`` runs a schedule and writes down its steps, ``drawing`` makes lanes, bars and marks of
them, ``points`` says where operations took effect or why they cannot have, ``nearest`` looks for a schedule like it that passes.
``telling``, ``scenario_story`` and ``history_story`` put a story together; ``page`` and ``text`` print one.
"""
