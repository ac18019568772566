"""What the commands of `fashiongen.cli` do, a module for each family of them.

Every module imports fast: torch, Lightning and the models are imported when a command runs that needs them.
"""


class UsageError(Exception):
    """A command line that cannot be understood: exit code 2."""
