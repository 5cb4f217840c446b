"""Selling: orders, and the facts about them from which access follows."""
