"""Files of any size that an administrator sends from her browser. See each module.

chosen.py    what the files are together: a model, a model in parts, one with a projector, weights
             to be converted
acts.py      begun, dropped, forgotten
writing.py   one file, piece by piece, at the offset that both sides agree on
views.py     the addresses: tus 1.0's core over our own way of beginning
taking_in.py the job that makes a model of them
"""
