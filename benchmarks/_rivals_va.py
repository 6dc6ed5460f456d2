"""Two published compact models with variability as Verilog-A, written from their equations for `rivals`.

JART VCM v1b: C. Bengel et al., "Variability-Aware Modeling of Filamentary Oxide-Based Bipolar Resistive Switching Cells
Using SPICE Level Compact Models", IEEE Trans. Circuits Syst. I 67, 4618 (2020), doi:10.1109/TCSI.2020.3018502. Radius
and length of the disc and the limits of its concentration of vacancies vary by device, and by cycle.

Stanford-PKU: Z. Jiang et al., "A Compact Model for Metal-Oxide Resistive Random Access Memory With Experiment
Verification", IEEE Trans. Electron Devices 63, 1884 (2016), doi:10.1109/TED.2016.2545412. The gap has a random term,
which the published model draws anew every nanosecond.

Constants are those of the papers. Draws are hashes of an instance's number and of time, cheaper than the generators of
simulators. In both V(p, n) < 0 sets, as in our cells.
"""

HASH = """\
analog function real uniform;
  input a, b;
  real a, b, h;
  begin
    h = sin(12.9898*a + 78.233*b + 0.5)*43758.5453;
    uniform = min(max(h - floor(h), 1e-9), 1.0);
  end
endfunction

analog function real normal;
  input a, b;
  real a, b;
  normal = sqrt(-2.0*ln(uniform(a, b)))*cos(6.283185307*uniform(a + 0.37, b));
endfunction
"""

STANFORD = f"""\
`include "constants.vams"
`include "disciplines.vams"
module stanford_pku(p, n);
  inout p, n; electrical p, n; electrical gap;
  (* type="instance" *) parameter real number = 0.0;
  (* type="instance" *) parameter real gap_start = 1.7;  // nm
  parameter real refresh = 1e-9;  // s, between draws of the random term
  localparam real i0 = 1e-3, g0 = 0.25, v0 = 0.25, velocity = 10.0, beta = 0.8, gamma0 = 16.0, ea = 0.6;
  localparam real a0 = 0.25, thickness = 12.0, gap_min = 0.2, gap_max = 1.7, r_th = 2.1e3, t_ambient = 298.0;
  localparam real noise_0 = 0.02, t_critical = 450.0, t_smooth = 500.0;
  (* desc="gap, nm" *) real r_now;
  real u, g, i, t, kt, gamma, rate, wild;
  {HASH}
  analog begin
    u = -V(p, n);
    g = min(max(V(gap), gap_min), gap_max);
    r_now = g;
    i = i0*exp(-g/g0)*sinh(u/v0);
    t = t_ambient + abs(u*i)*r_th;
    kt = 8.617333e-5*t;
    gamma = gamma0 - beta*g*g*g;
    rate = -velocity*exp(-ea/kt)*sinh(min(max(gamma*a0/thickness*u/kt, -80.0), 80.0))*1e9;  // nm/s
    wild = noise_0/(1.0 + exp((t_critical - t)/t_smooth))*normal(number, floor($abstime/refresh));
    rate = rate*(1.0 + wild);
    if (V(gap) <= gap_min && rate < 0.0 || V(gap) >= gap_max && rate > 0.0) rate = 0.0;
    I(gap) <+ 1e-9*ddt(V(gap));
    if (analysis("static") || $abstime <= 0.0) I(gap) <+ 1e-3*(V(gap) - gap_start);
    else I(gap) <+ -1e-9*rate;
    $bound_step(refresh);
    I(p, n) <+ -i;
  end
endmodule
"""

JART = f"""\
`include "constants.vams"
`include "disciplines.vams"
module jart_vcm_v1b(p, n);
  inout p, n; electrical p, n;
  electrical barrier, disc;  // between the Schottky barrier and the disc, between the plug and the series resistance
  electrical state;          // concentration of vacancies in the disc, 1e26/m^3
  (* type="instance" *) parameter real number = 0.0;
  (* type="instance" *) parameter real n_start = 0.008;
  parameter real period = 1e9;  // s, of a cycle, after which geometry and limits are drawn anew
  localparam real q = 1.602176634e-19, k = 1.380649e-23, h = 6.62607015e-34, eps0 = 8.8541878e-12, m0 = 9.1093837e-31;
  localparam real z = 2.0, a = 0.25e-9, nu0 = 2e13, w_a = 1.35, mobility = 4e-6, e_ac = 0.04, n_plug = 20.0;
  localparam real l_cell = 3e-9, eps = 17.0, eps_barrier = 5.5, phi_0 = 0.18, phi_n = 0.1, richardson = 6.01e5;
  localparam real r_oxide = 650.0, r_line = 719.24, r_th_line = 90471.47, alpha = 3.92e-3;
  localparam real r_th_set = 15.72e6, r_th_reset = 4.24e6, t_ambient = 293.0, r_det = 45e-9;
  (* desc="concentration in the disc, 1e26/m^3" *) real r_now;
  real u, ub, i, c, cycle, area, radius, l_disc, n_min, n_max, t, phi, i_barrier, w00, w0, e1, mu;
  real r_disc, r_plug, g, field, w_min, w_max, i_ion, limit, rate, v_ion;
  {HASH}
  analog begin
    cycle = floor($abstime/period);
    radius = r_det*(1.0 + 0.05*normal(number, 1.0) + 0.02*normal(number, 5.0 + cycle));
    l_disc = 0.4e-9*(1.0 + 0.05*normal(number, 2.0) + 0.02*normal(number, 1005.0 + cycle));
    n_min = 0.008*(1.0 + 0.1*normal(number, 3.0) + 0.05*normal(number, 2005.0 + cycle));
    n_max = 20.0*(1.0 + 0.05*normal(number, 4.0) + 0.02*normal(number, 3005.0 + cycle));
    area = 3.14159265*radius*radius;
    u = V(p, n);
    ub = V(p, barrier);
    c = max(V(state), 0.5*n_min);
    r_now = c;

    // heat: the power of barrier, disc and plug
    i = V(disc, n)/(r_oxide + r_line);
    t = t_ambient + min(abs(i*V(p, disc)), 1e-3)*(u < 0.0 ? r_th_set : r_th_reset)*pow(r_det/radius, 2.0);
    t = min(t, 2000.0);

    // Schottky barrier: thermionic emission, and field emission in the reverse direction
    phi = phi_0 - sqrt(sqrt(q*q*q*z*c*1e26*(phi_0 - phi_n - min(ub, 0.0))/(8.0*9.8696*pow(eps_barrier*eps0, 3.0))));
    phi = max(phi, 0.0);
    if (ub < 0.0) begin
      w00 = q*h/(4.0*3.14159265)*sqrt(z*c*1e26/(m0*eps*eps0));
      w0 = w00/tanh(w00/(k*t));
      e1 = w00/(w00/(k*t) - tanh(w00/(k*t)));
      i_barrier = -area*richardson*t/k*sqrt(3.14159265*w00*q*(-ub + phi/pow(cosh(min(w00/(k*t), 50.0)), 2.0)))
          *exp(-q*phi/w0)*(exp(min(-q*ub/e1, 60.0)) - 1.0);
    end else
      i_barrier = area*richardson*t*t*exp(-q*phi/(k*t))*(exp(min(q*ub/(k*t), 60.0)) - 1.0);
    I(p, barrier) <+ i_barrier + 1e-12*ub;

    // disc and plug, series resistance
    mu = mobility*exp(-e_ac*q/(k*t));
    r_disc = l_disc/(z*q*area*mu*c*1e26);
    r_plug = (l_cell - l_disc)/(z*q*area*mu*n_plug*1e26);
    I(barrier, disc) <+ V(barrier, disc)/(r_disc + r_plug);
    I(disc, n) <+ V(disc, n)/(r_oxide + r_line*(1.0 + alpha*r_line*i*i*r_th_line));

    // ions hop in the field of the disc (SET) or of the cell (RESET)
    v_ion = u < 0.0 ? V(barrier, disc)*r_disc/(r_disc + r_plug) : V(p, disc);
    field = v_ion/(u < 0.0 ? l_disc : l_cell);
    g = min(max(z*a*field/(3.14159265*w_a), -0.999), 0.999);
    w_min = w_a*(sqrt(1.0 - g*g) - g*3.14159265/2.0 + g*asin(g));
    w_max = w_a*(sqrt(1.0 - g*g) + g*3.14159265/2.0 + g*asin(g));
    limit = u < 0.0 ? 1.0 - pow(min(c/n_max, 1.0), 10.0) : 1.0 - pow(min(n_min/c, 1.0), 10.0);
    i_ion = z*q*0.5*(n_plug + c)*1e26*a*nu0*area*(exp(-w_min*q/(k*t)) - exp(-w_max*q/(k*t)))*limit;
    rate = -i_ion/(z*q*area*l_disc)*1e-26;
    I(state) <+ 1e-9*ddt(V(state));
    if (analysis("static") || $abstime <= 0.0) I(state) <+ 1e-3*(V(state) - n_start);
    else I(state) <+ -1e-9*rate;
  end
endmodule
"""
