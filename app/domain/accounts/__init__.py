"""People: their accounts, roles, passwords and sign-ins."""
