"""A validation as a page for people: figures, and the HTML around them."""
