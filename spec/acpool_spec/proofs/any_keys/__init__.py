"""The bridge from a few keys and clients to any number of them: the steps of the model over z3 arrays, the invariant quantified.

``acpool prove`` has z3 prove of each action but the shut and the revocation, and of a round of serving, that they keep it. That
this second encoding does what the model does is proved with CrossHair, of states of a few keys.
"""
