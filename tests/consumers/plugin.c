/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A plugin that carries the archives inside: its host must see this function and nothing of ours. */
#include HEADER

__attribute__((visibility("default"))) const char *plugin_version(void);

const char *plugin_version(void) { return VERSION(); }
