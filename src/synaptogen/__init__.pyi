"""What editors and type checkers see of `synaptogen`: the names of ``__init__.py``, without importing them late."""

from . import circuit as circuit
from . import crossbar as crossbar
from . import distributed as distributed
from . import explore as explore
from . import export as export
from . import learn as learn
from . import outofcore as outofcore
from . import plot as plot
from . import torch as torch
from .array import CellArray as CellArray
from .array import load as load
from .crossbar import ADC as ADC
from .crossbar import DAC as DAC
from .params import VAR as VAR
from .params import DeviceParams as DeviceParams
from .params import FeatureScale as FeatureScale
from .params import FluctuationParams as FluctuationParams
from .params import OwnShapes as OwnShapes
from .params import Population as Population
from .params import PulseWidthParams as PulseWidthParams
from .params import RestlessInnovation as RestlessInnovation
from .params import StateSpace as StateSpace
from .params import Trend as Trend
from .params import Wear as Wear
from .params import presets as presets
from .state import Features as Features
from .state import Mode as Mode

__version__: str
