/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What a build without libcrypto does. */
#undef HKP_OPENSSL_SHA256
#include "unit_sha256.c"
