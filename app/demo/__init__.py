"""The furnished house: demo content, generated clips and their seeding. Never in production."""
