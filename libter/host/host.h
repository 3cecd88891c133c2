/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Internal to libter/host: the system calls that its files share, with their retries. */
#ifndef HKP_LIBTER_HOST_H
#define HKP_LIBTER_HOST_H

#include <hookprobe/ter.h>

/** Fills dst from the kernel's generator; 0, or negative if it cannot. The form of struct hkp_rng. */
int32_t hkp_ter__random(void *user, uint8_t *dst, size_t len);

/** Reads up to cap bytes from offset on, to the end of file if that is first; 0 or errno. */
int hkp_ter__read_at(int fd, uint64_t offset, uint8_t *dst, size_t cap, size_t *len);

/** Writes all of bytes at offset; 0 or errno. */
int hkp_ter__write_at(int fd, uint64_t offset, const uint8_t *bytes, size_t len);

/** Opens for reading, without waiting for the other end of a pipe; -1 and errno. */
int hkp_ter__open_read(int dir_fd, const char *path);

/** Makes the entry of path in its folder durable; path is shorter than 4096 bytes. 0 or errno. */
int hkp_ter__sync_folder_of(const char *path);

/** Joins folder and name into dst[cap]; 0 if it does not fit. */
int hkp_ter__join(char *dst, size_t cap, const char *folder, const char *name);

/** "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" in text order, whatever follows it; 0 if it is anything else. */
int hkp_ter__parse_uuid(const uint8_t *text, size_t len, uint8_t id[16]);

/**
 * Boot id of the kernel, or one made for this start and kept in state_path; made is set accordingly.
 * HKP_E_TER_SOURCE or HKP_E_IO (NZ1 2.2).
 */
hkp_status hkp_ter__boot_id(const char *proc_path, const char *state_path, uint8_t boot_id[16],
                            uint32_t *made);

#endif
