"""Categories from programs: those of re-arc's verifiers, and those that the search found."""
