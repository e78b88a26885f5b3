"""Long runs that show that sessions survive: `make soak`. Too slow for every test run.

No name here is one that pytest collects; `python -m tests.soak` is the only way in.
"""
