"""The tests of the Python package. They run against an installed wheel, in Python's own test runner:

    pip install dist/sqlite_lifeboat-*.whl -r sqlite-ext/python/tests/requirements.txt
    LIFEBOAT_EQUAL=target/release/equal python -m unittest discover -t sqlite-ext/python sqlite-ext/python/tests

`LIFEBOAT_EQUAL` is the comparer of `host-tests`; `LIFEBOAT_DATABASES` may name more databases to get back, with `:` between
them.
"""
