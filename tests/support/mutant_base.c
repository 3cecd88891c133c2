/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A program that does nothing: it is there so that all that mutants.py links is built. */
int main(void) { return 0; }
