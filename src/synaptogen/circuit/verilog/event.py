"""The event form: a cell for simulators like Spectre, whose variables keep their state between time points."""

import re

from synaptogen.params import DeviceParams

from .formulas import switching
from .module_frame import (
    STATE,
    SWITCHING_OUTPUTS,
    Draft,
    Options,
    curve_cases,
    feature_names,
    feature_parameters,
    file,
    state_parameters,
)

SIGNAL_FLOW = "SYNAPTOGEN_SIGNAL_FLOW"
"""Name of the macro that gives a cell of the event form an input vin (V) and an output iout (V, 1 V per uA) in place of
its pins: for simulators without currents."""

EVENT = """
// The event form, for Spectre and its like: variables keep their state from one time point to the next.
//
// Symbol: two pins, in the order p, n. Line of an instance (what is not given has the defaults below):
//   x1 (top bottom) @module mode_start=2 r_hrs0=1.1e5 u_set0=-0.62 r_lrs0=4.3e3 u_reset0=0.70 r_hrs1=...
//
// The state of a cell is: how often it has SET, its mode, and the largest voltage of its running RESET. All features
// are parameters and nothing is drawn here, so that it does not matter how often a simulator evaluates a time point.
// Events read the state at the last accepted time point (..._before) and write that of this point, which any iteration
// or repetition of the point overwrites. RESET follows the voltage of this point. SET is a jump that lowers the very
// voltage that made it: decided by the voltage of this point, it would have no solution behind a resistor. It is
// decided by that of the last accepted point, which lies within t_switch. Cross events place time points and do no
// more. As state lives in variables, periodic steady-state analyses (SpectreRF) do not see it: there take
// the kind tape. Nothing switches at operating points and in dc sweeps.
`ifdef __OPENVAF__
event_form_not_for_openvaf  // which would not keep its variables: take the kind tape, pulse or read
`endif
`ifdef SYNAPTOGEN_SIGNAL_FLOW
module @module(vin, iout);
  input vin;
  output iout;
  electrical vin, iout;
`else
module @module(p, n);
  inout p, n;
  electrical p, n;
`endif

  @@constants
  @@instance
  @@optional
  parameter real t_switch = 1e-9 from (0:inf);  // longest time between the voltage that sets and the SET, s

  // what there is to save
  real r_now;          // mixing state
  real mode_now;       // 0: partly reset (IRS), 1: LRS, 2: HRS
  real cycles_done;    // cycles begun since the start
  real u_ratchet_now;  // largest RESET voltage of the running RESET, V
  real tape_end;       // 1 after a RESET that could not begin, for want of features: give the cell more cycles

  integer count, mode;                // state at this time point: number of SETs; 0: IRS, 1: LRS, 2: HRS
  real u_ratchet;                     //   largest voltage of the running RESET
  integer count_before, mode_before;  // the same at the last accepted time point
  real u_ratchet_before;
  real t, u, g, u_before;             // this time point and its voltage; the voltage at the last accepted one
  real r_from, u_from, u_limit, r_to, u_set, r_set;

  @@functions

  analog begin
    @(initial_step) begin
      mode = (mode_start == 1.0 ? 1 : (mode_start == 2.0 ? 2 : 0));
      count = (mode_start == 1.0 ? 1 : 0);
      u_ratchet = (mode == 0 ? u_ratchet_start : 0.0);
      u = 0.0;
      t = 0.0;
      mode_before = mode;
      count_before = count;
      u_ratchet_before = u_ratchet;
      u_before = 0.0;
    end

    // time has moved on: the point before this one was accepted
    if ($abstime > t) begin
      mode_before = mode;
      count_before = count;
      u_ratchet_before = u_ratchet;
      u_before = u;
    end
    t = $abstime;
`ifdef SYNAPTOGEN_SIGNAL_FLOW
    u = V(vin);
`else
    u = V(p, n);
`endif

    // what the last accepted point left, and its curve: RESET along (u_from, r_from) -> (u_max, r_to), and the next SET
    mode = mode_before;
    count = count_before;
    u_ratchet = u_ratchet_before;
    r_from = r_start;
    u_from = u_ratchet_start;
    r_to = r_start;
    u_set = -1e9;
    r_set = r_start;
    @@select
    u_limit = (mode == 1 ? u_from : u_ratchet);

    // at an operating point nothing switches
    if (t > 0.0) begin
      if (mode != 1 && u_before <= u_set) begin
        mode = 1;
        count = count + 1;
        u_ratchet = 0.0;
      end else if (mode != 2 && u > u_limit) begin
        // to the nanovolt: so it has no slope, and iterations follow a RESET behind a resistor from rest to rest, from
        // below; with the slope of the falling current Newton's method would go astray there
        u_ratchet = min(1e-9*floor(1e9*u), u_max);
        if (count <= @last)  // past the last cycle the ratchet is but a mark that a RESET is missing
          mode = (u >= u_max ? 2 : 0);
      end
    end

    if (mode == 2)
      r_now = r_to;
    else if (mode == 0)
      r_now = partial_reset(r_from, u_from, r_to, u_ratchet);
    else if (mode_before == 1)
      r_now = r_from;
    else
      r_now = r_set;
    mode_now = mode;
    cycles_done = (mode == 1 ? count - 1 : count);
    u_ratchet_now = u_ratchet;
    tape_end = (mode == 1 && u_ratchet > 0.0 ? 1.0 : 0.0);

    // step control: points where the voltage passes U_SET and where RESET begins, and the one at which SET is due
    @(cross(u - u_set, -1)) begin
      $discontinuity(0);
    end
    @(cross(u - u_limit, +1)) begin
      $discontinuity(1);
    end
    if (mode != 1 && u <= u_set)
      $bound_step(t_switch);

    @@conductance
`ifdef SYNAPTOGEN_SIGNAL_FLOW
    V(iout) <+ 1e6*u*g;
`else
    @@current
`endif
  end
endmodule
"""


def write_event(params: DeviceParams, cycles: int, options: Options) -> Draft:
    """Write the cell of kind event.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    cycles : int
        Number of cycles after the running one.
    options : Options
        What the cell has beside its model.

    Returns
    -------
    Draft
        The cell.
    """
    source = file(
        f"ReRAM cell, event form: its state, running cycle and {cycles} further cycles are instance parameters",
        EVENT,
        params,
        options,
        switching(params),
        instance="\n".join(map(_plain, [*state_parameters(params), *feature_parameters(params, cycles)])),
        select=curve_cases(cycles),
        optional="\n".join(map(_plain, options.parameters(params))),
    ).replace("@last", str(cycles))
    outputs = (*SWITCHING_OUTPUTS, "tape_end")
    settings = (("t_switch", 1e-9), *options.settings())
    return Draft(source, ("p", "n"), (*STATE, *feature_names(cycles)), settings, outputs)


def _plain(line: str) -> str:
    """Write the attributes of a parameter as a comment, for simulators that cannot read attributes or exclusions."""
    parts = re.fullmatch(r'\(\* (?:type="instance", )?desc="([^"]*)"(?:, units="([^"]*)")? \*\) (.*;)', line)
    assert parts is not None
    meaning, unit, declared = parts.groups()
    declared = re.sub(r" exclude \([^)]*\)", "", declared)
    return f"{declared}  // {meaning}{', ' + unit if unit else ''}"
