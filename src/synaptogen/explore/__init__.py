"""A page in which cells live: the model as JavaScript, traced from `synaptogen.model`, to play with in a browser."""

from .script import model_script

__all__ = ["model_script"]
