"""The page: one self-contained HTML document, its tables and its figures."""
