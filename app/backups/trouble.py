"""What goes wrong with backups, in words for the operator."""


class BackupError(Exception):
    """A backup or a restore cannot go on; the message says why and what to do."""
