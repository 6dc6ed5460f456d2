from .parts import Draft
def write_event(params, cycles): raise NotImplementedError
