"""How a report looks: one HTML file that needs nothing else.

It shows numbers that the report has worked out and works out none itself.
"""
