# SPDX-License-Identifier: MIT
# Copyright the HookProbe mesh authors
"""Faults of libhtp that its tests must find (HTP-3.8); read by tests/support/mutants.py, which says what a line
means."""

LINK = {}
CLOCK = ("unit_records", "clocks_get_their_verdict")

ALWAYS = [
    ("HTP-3.8 one-sided clock, by the way there", "libhtp/crypto/resonance.c", "off2 = there + back;", "off2 = 2 * there;",
     *CLOCK),
    ("HTP-3.8 one-sided clock, by the way back", "libhtp/crypto/resonance.c", "off2 = there + back;", "off2 = 2 * back;",
     *CLOCK),
    ("HTP-3.8 a long way hides an offset", "libhtp/crypto/resonance.c", "if (off2 + rtt < 200000)", "if (off2 < 200000)",
     *CLOCK),
    ("HTP-3.8 a long way makes a clock fail", "libhtp/crypto/resonance.c", "if (off2 - rtt >= 200000)",
     "if (off2 >= 200000)", *CLOCK),
    ("HTP-3.8 a way of negative length is judged", "libhtp/crypto/resonance.c", "if (rtt < 0 || rtt >= limit ||",
     "if (rtt >= limit ||", *CLOCK),
    ("HTP-3.8 an offset has one sign only", "libhtp/crypto/resonance.c", "if (off2 < 0) off2 = -off2;", "", *CLOCK),
]
FURTHER = []
