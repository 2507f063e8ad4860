"""arXiv 2512.07109: what was published, and every claim of it checked.

Published figures and labels are believed only after a check; ours are told apart from them everywhere.
"""
