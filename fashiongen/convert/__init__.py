"""Readers of the checkpoint files that the authors published: TensorFlow 1, MATLAB. All need the extra `convert`, or SciPy."""
