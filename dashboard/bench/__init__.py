"""`manage.py bench page`: what an operator feels of the live page of a run, measured in Chromium on a whole product.

Where there is one, each figure stands beside a floor from the same minutes: the same thing done by a page that does
nothing. Nothing of it is asserted, here or in the tests, for other machines have other figures; README.md says what
is asked for.
"""
