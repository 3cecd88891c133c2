/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* A program that uses one library. -DHEADER=<hookprobe/ter.h> -DVERSION=hkp_ter_version */
#include HEADER

#include <stdio.h>

int main(void) {
    puts(VERSION());
    return 0;
}
