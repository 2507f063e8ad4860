"""The numbers of a report, and what they say in sentences and in JSON.

How it looks is the page's; nothing here knows HTML.
"""
