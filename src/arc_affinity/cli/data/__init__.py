"""``arc-affinity data``: listing, showing, fetching, generating, splitting."""
