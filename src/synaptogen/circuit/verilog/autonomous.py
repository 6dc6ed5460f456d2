from .parts import Draft
def write_autonomous(params, cycles): raise NotImplementedError
