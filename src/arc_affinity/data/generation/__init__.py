"""Examples made by re-arc's generators: seeded, verified, and written so that an interrupted run resumes.

Generators run here and nowhere else; an example that its verifier does not accept never leaves this room.
"""
