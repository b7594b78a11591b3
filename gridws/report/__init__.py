"""What was collected, in figures: pure, rows in, reports and CSV out.

`kpis` has the figures and where each comes from, `reporting` puts a report together, `text` writes it out, `exporting`
writes tables as CSV.
"""
