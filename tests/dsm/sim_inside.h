/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* What the parts of the simulated world share: sim.c (time, network, nodes), sim_mesh.c, sim_disk.c,
 * sim_watch.c. */
#ifndef HKP_TESTS_DSM_SIM_INSIDE_H
#define HKP_TESTS_DSM_SIM_INSIDE_H

#include "sim.h"

void sim_must(int ok, const char *what);
/** An array of cap elements with room for one more than count. */
void *sim_grow(void *old, size_t *cap, size_t count, size_t size);
uint8_t *sim_copy(const uint8_t *data, size_t len);
void sim_trace(struct sim *s, const void *data, size_t len);

/* sim_disk.c */
void sim_disk_queue(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev);
void sim_disk_commit(struct sim *s, uint32_t i);
/** Power cut: of what was not durable any prefix may have reached the disk, the last record of the WAL torn.
 */
void sim_disk_cut(struct sim *s, uint32_t i);
void sim_disk_read(struct sim *s, uint32_t i, const struct hkp_dsm_event *given);
void sim_disk_free(struct sim_disk *d);
/** What a host does before it starts a node: a torn tail of the WAL is cut off (D-STO-5). 0: it is corrupt.
 */
int sim_disk_mend(struct sim_disk *d);

/* sim_watch.c */
void sim_watch_new(struct sim *s);
void sim_watch_free(struct sim *s);
/** A message that node i wants to send. */
void sim_watch(struct sim *s, uint32_t i, uint32_t lane, const uint8_t *msg, size_t len);
/** A record of its WAL that node i is told to be durable. */
void sim_watch_durable(struct sim *s, uint32_t i, const uint8_t record[64]);
/** A fact that node i tells. */
void sim_watch_fact(struct sim *s, uint32_t i, const struct hkp_dsm_event *ev);
/** A message that node i is about to be given, and what it said to it. */
void sim_watch_before(struct sim *s, uint32_t i, uint32_t lane, const uint8_t *msg, size_t len);
void sim_watch_after(struct sim *s, uint32_t i, hkp_status status);
/** Every table of node i is within its limit. */
void sim_watch_bounds(struct sim *s, uint32_t i);

#endif
