"""Backups of the whole house: its database, media and settings, sealed; and the way back."""
