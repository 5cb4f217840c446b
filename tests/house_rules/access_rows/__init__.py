"""The rows of the access table, a file for each part of the site; `access_table` reads them all.

A file has TABLE and KEYS. It may have `values(course, lesson)`, which adds rows and returns what
the variables of its addresses stand for, BODIES, which by endpoint make the JSON that is sent, and
SPECIAL, which by endpoint gives variables that mean something else there.
"""
