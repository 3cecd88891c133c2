/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Parties of hookprobe lab cipher --share, each with an HTP endpoint and a socket on loopback, and a session
 * between any two (LAB-6.2). */
#ifndef HKP_CLI_LAB_ROOM_H
#define HKP_CLI_LAB_ROOM_H

#include "lab.h"

#include <hookprobe/htp.h>

struct cli_room;

/** What goes wrong on purpose. */
enum { CLI_CHEAT_NONE, CLI_CHEAT_CHANGE, CLI_CHEAT_TWO, CLI_CHEAT_SILENT };

/** One party at its endpoint. */
struct cli_member {
    struct cli_room *room;
    /** place in the room, and in the session of LAB-6.2 that runs; out: takes part no more */
    uint32_t index, place;
    int out, cheat;
    struct hkp_neuro_lab_party party;
    struct hkp_neuro_lab_aborts aborts;
    /* the host side of HTP */
    hkp_htp_udp *udp;
    hkp_htp_endpoint *ep;
    struct hkp_htp_path path;
    uint8_t node_id[16], a_seed[32], a_public[32], s_secret[32], s_public[32];
    uint64_t session[HKP_NEURO_LAB_PARTIES_MAX];
    uint32_t stream[HKP_NEURO_LAB_PARTIES_MAX], up;
};

struct cli_room {
    uint32_t n;
    /** messages of parties that were sent, and their bytes */
    uint64_t messages, bytes;
    int failed;
    struct cli_member *members;
};

/** n endpoints, and sessions of mode N between all of them; an exit code, told. */
int cli_room_open(struct cli_room *room, uint32_t n);
void cli_room_close(struct cli_room *room);
/** Carries what there is until nothing happened for so long (a tenth of it when nobody waits for anything);
 * 1: something was carried. */
int cli_room_carry(struct cli_room *room, hkp_time wait);
/** The member at this place of the session that runs; NULL: none. */
struct cli_member *cli_room_at(const struct cli_room *room, uint32_t place);

#endif
