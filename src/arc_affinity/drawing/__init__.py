"""Grids, tasks and figures as pictures: PNG for files, SVG for pages; one palette for all.

It knows grids and numbers only: it must not read files, nor know models, records or what a figure is about.
"""
