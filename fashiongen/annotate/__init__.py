"""Pictures -> key points: decoders of what pose networks put out."""
