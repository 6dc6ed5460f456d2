"""A page in which cells live: the model as JavaScript, traced from `synaptogen.model`, to play with in a browser."""

from .html import page, write_page
from .script import model_script
from .sources import Shown, Source, source_of

__all__ = ["Shown", "Source", "model_script", "page", "source_of", "write_page"]
