/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* The own certificate nears its end: what is told, and the files renewal.request and certificate (D-CERT-3).
 */
#include "libmesh/posix/runner.h"

#include <hookprobe/mesh/renewal.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REQUEST "renewal.request"

static const char *when(uint64_t unix_s, char text[32]) {
    const time_t t = (time_t)unix_s;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(text, 32, "%llu", (unsigned long long)unix_s);
    return text;
}

static int write_beside(struct hkp_mesh_runner *r, const char *name, const struct hkp_mesh_event *ev) {
    char path[HKP_MESH__PATH_MAX];
    if (ev->data_len == 0 || hkp_mesh__path(path, r->dir.path, name) != HKP_OK) return 0;
    return hkp_ter_file_write(path, ev->data, ev->data_len) == HKP_OK;
}

static void due(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev, const char *until) {
    const int written = write_beside(r, REQUEST, ev);
    hkp_mesh__say(r, HKP_MESH_LOG_NOTE, "own certificate %llu is valid until %s: time to renew it; %s",
                  (unsigned long long)ev->ticket, until,
                  written ? "the request for the officers lies in " REQUEST : "no request could be written");
    hkp_mesh__audit(r, HKP_DSM_AUDIT_ROTATION, r->node_id, "renewal due", 11);
}

/* Without its file the next start would use the one before; libdsm's store has it, so it is tried again then.
 */
static void taken(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev, const char *until) {
    char path[HKP_MESH__PATH_MAX];
    const int written = write_beside(r, "certificate", ev);
    hkp_mesh__say(r, written ? HKP_MESH_LOG_NOTE : HKP_MESH_LOG_ERROR,
                  "own certificate %llu is used from now on, valid until %s%s",
                  (unsigned long long)ev->ticket, until, written ? "" : "; its file cannot be written");
    hkp_mesh__audit(r, HKP_DSM_AUDIT_ENROLMENT, r->node_id, ev->data, ev->data_len);
    if (written && hkp_mesh__path(path, r->dir.path, REQUEST) == HKP_OK) (void)unlink(path);
}

void hkp_mesh__renewal_tell(struct hkp_mesh_runner *r, const struct hkp_mesh_event *ev) {
    char until[32];
    when(ev->to, until);
    switch (ev->number) {
    case HKP_MESH_RENEWAL_DUE:
        due(r, ev, until);
        break;
    case HKP_MESH_RENEWAL_ENDED:
        hkp_mesh__say(r, HKP_MESH_LOG_ERROR,
                      "own certificate %llu is over since %s: peers let its sessions carry little more",
                      (unsigned long long)ev->ticket, until);
        hkp_mesh__audit(r, HKP_DSM_AUDIT_ROTATION, r->node_id, "certificate over", 16);
        break;
    case HKP_MESH_RENEWAL_TAKEN:
        taken(r, ev, until);
        break;
    default:
        hkp_mesh__say(r, HKP_MESH_LOG_ERROR,
                      "own certificate %llu has another static key or generation: stop, put it and its keys "
                      "into the folder, start",
                      (unsigned long long)ev->ticket);
        break;
    }
}

json_t *hkp_mesh__renewal_json(const struct hkp_mesh_runner *r) {
    struct hkp_mesh_renewal_status s = {.struct_size = sizeof s};
    const uint64_t now_s = hkp_mesh__wall() / 1000000;
    if (hkp_mesh_renewal_status(r->node, &s) != HKP_OK) return json_null();
    const char *state = now_s > s.not_after_s ? "over" : now_s >= s.renew_s ? "renewal" : "valid";
    const json_int_t left = ((json_int_t)s.not_after_s - (json_int_t)now_s) / 86400;
    return json_pack("{s:I,s:s,s:I,s:I,s:I}", "serial", (json_int_t)s.serial, "state", state, "valid_until_s",
                     (json_int_t)s.not_after_s, "renewal_from_s", (json_int_t)s.renew_s, "days_left", left);
}
