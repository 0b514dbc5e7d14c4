"""What pages show: values of the engine as text, HTML and charts. Pure: no database, no requests.

The browser has the same texts in static/src/words; static/src/words/examples.json keeps both equal.
"""
