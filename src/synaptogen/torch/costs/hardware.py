"""Numbers of the circuits around the cells, each a field with its source."""

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Hardware:
    """Circuits around the cells; the defaults are those of ISAAC in 32 nm [1]_, where not said otherwise.

    Everything about cells comes from the device model and the `AnalogConfig`: their currents, the energy of
    programming, and the time of a read, unless it is given here. Numbers of another technology take the place of these.

    Parameters
    ----------
    adc_energy : float
        Energy in J of a conversion with ``adc_bits``. 2 mW at 1.28 GHz.
    adc_bits : int
        Resolution that this energy belongs to. With each further bit an ADC takes twice as much: a constant figure of
        merit in J a conversion step [2]_.
    adc_rate : float
        Conversions a second of an ADC.
    adc_area : float
        Area of an ADC in m^2; taken for each resolution.
    adcs : int
        ADCs of a tile, which its outputs share.
    dac_energy : float
        Energy in J of a bit of one input of a tile. 3.9 uW for 100 ns.
    dac_area : float
        Area in m^2 of a driver of an input line; taken for each resolution.
    hold_area : float
        Area in m^2 of a sample-and-hold circuit, one for each output of a tile.
    add_energy : float
        Energy in J to add the partial sum of a tile to others. 50 uW at 1.28 GHz.
    cell_area : float
        Area in m^2 of a cell. Dense cells without a transistor; a cell with one takes ten times as much or more.
    read_time : float, optional
        Time in s for which cells are read. Default: 1 / (2 bandwidth), the shortest whose noise has the bandwidth of
        the configuration; 100 ns for a configuration without noise.

    Raises
    ------
    ValueError
        If a number is not finite or below 0, or ``adcs``, ``adc_rate`` or ``read_time`` is 0.

    References
    ----------
    .. [1] Shafiee et al., ISCA 2016, table I.
    .. [2] Walden, IEEE J. Sel. Areas Commun. 17:539, 1999.

    Examples
    --------
    >>> import synaptogen as sg
    >>> hardware = sg.torch.Hardware(adcs=4)
    >>> f"{1e12 * hardware.conversion_energy(8):.3f} pJ, {1e12 * hardware.conversion_energy(6):.3f} pJ"
    '1.562 pJ, 0.391 pJ'
    """

    adc_energy: float = 2e-3 / 1.28e9
    adc_bits: int = 8
    adc_rate: float = 1.28e9
    adc_area: float = 1.2e-9
    adcs: int = 1
    dac_energy: float = 4e-3 / 1024 * 1e-7
    dac_area: float = 1.7e-10 / 1024
    hold_area: float = 4e-11 / 1024
    add_energy: float = 5e-5 / 1.28e9
    cell_area: float = 2e-10 / 8 / 128**2
    read_time: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name == "read_time":
                continue
            needed = field.name in ("adcs", "adc_rate", "adc_bits", "read_time")
            if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0 and (value or not needed)):
                raise ValueError(
                    f"{field.name}={value!r}: give a finite number {'above' if needed else 'of at least'} 0"
                )
        if self.adcs != int(self.adcs):
            raise ValueError(f"adcs={self.adcs!r}: give a whole number of ADCs a tile")

    def conversion_energy(self, bits: int | None) -> float:
        """Return the energy in J of a conversion with an ADC of so many bits; 0 without an ADC."""
        return 0.0 if bits is None else self.adc_energy * 2.0 ** (bits - self.adc_bits)

    def time(self, bandwidth: float) -> float:
        """Return the time in s of a read with a bandwidth in Hz."""
        if self.read_time is not None:
            return self.read_time
        return 1.0 / (2.0 * bandwidth) if bandwidth else 1e-7
