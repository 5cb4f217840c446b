"""Who gets into the course: asking, inviting, enrolling and removing."""

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
POST courses.take_back          in  303  303  303   in  303  303  303  303
"""

KEYS = """
                              full read rvkd expd susp admn
"""
