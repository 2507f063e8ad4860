"""Examples made by re-arc's generators: seeded, verified, and written where a run that was cut off goes on.

Generators run here and nowhere else; an example that its verifier does not accept never leaves this room.
"""
