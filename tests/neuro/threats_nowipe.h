/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Read before message.c, network.c and seal.c of the mutant that wipes nothing: the scan of unit_threats.c
 * must find it. */
#include <sodium.h>

#define sodium_memzero(ptr, len) ((void)(ptr), (void)(len))
#define sodium_stackzero(len) ((void)(len))
