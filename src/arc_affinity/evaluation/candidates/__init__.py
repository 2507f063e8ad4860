"""Many candidate answers to one question, from a network and from programs: collected, ranked, merged, summed up.

No candidate is compared with the right answer before all attempts are chosen.
"""
