/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal: rules of the hardware record that its reader shares. */
#ifndef HKP_LIBTER_HARDWARE_H
#define HKP_LIBTER_HARDWARE_H

#include <hookprobe/ter.h>

/**
 * One text as a record holds it: trimmed; if longer than 64 bytes or not printable ASCII, its SHA-256 in hex
 * (decision 0110). 0 and text is untouched if it is empty or a filler of makers. raw may be the text itself.
 */
int hkp_ter__hw_text(const char *raw, size_t len, struct hkp_ter_hardware_text *text);

/** 1 if an address is permanent in form: neither local nor group bit, not zero. */
int hkp_ter__hw_mac(const uint8_t mac[6]);

/** 1 if not all bytes are 00 and not all are FF. */
int hkp_ter__hw_uuid(const uint8_t uuid[16]);

/** Order of two texts: by bytes, a shorter one first. */
int hkp_ter__hw_text_order(const struct hkp_ter_hardware_text *a, const struct hkp_ter_hardware_text *b);

/** Puts a value in its place in a list, which keeps the first eight in order; 0 if one fell out, else 1. */
int hkp_ter__hw_add_disk(struct hkp_ter_hardware *hw, const struct hkp_ter_hardware_text *text);
int hkp_ter__hw_add_mac(struct hkp_ter_hardware *hw, const uint8_t mac[6]);

/** 1 if hw is in the order that a record has. */
int hkp_ter__hw_valid(const struct hkp_ter_hardware *hw);

/** Encodes the value of one present key of a valid record; its length. dst has HKP_TER_HW_RECORD_MAX. */
size_t hkp_ter__hw_value(const struct hkp_ter_hardware *hw, uint32_t key, uint8_t *dst);

#endif
