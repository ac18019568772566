"""A shop photographs its models in a few poses and wants them in all others."""
