"""The seven papers. `fashiongen.create` and `fashiongen.load` find them by name; nothing is imported before it is asked for."""
