"""``acpool prove``: that every step of the model preserves its invariant, proved by CrossHair over symbolic states.

``obligations`` says what is to be proved, ``solver`` has CrossHair try one of them, ``crew`` all of them on processes.
"""
