"""What gateways tell: nobody's cookie or key counts, and unsigned it is refused to all."""

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
POST courses.stripe_webhook    400  400  400  400  400  400  400  400  400
"""

KEYS = """
                              full read rvkd expd susp admn
POST courses.stripe_webhook    400  400  400  400  400  400
"""
