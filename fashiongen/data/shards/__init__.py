"""Data sets as tar shards: written from any data module, read from a folder or an object store."""
