"""That each decision of the pool's core is a step of the model: ``abstract(decide(core)) == step(abstract(core))``, proved.

``structure`` splits a symbolic state of the model into cases, ``embodiment`` builds the core that looks like it, with concrete
keys and callers in real dictionaries, ``run`` has it decide and takes the model along, ``catalogue`` names the decisions.
"""
