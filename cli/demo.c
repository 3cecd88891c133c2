/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Four nodes on this machine do their job: each step waits until what it claims holds, or its time is over.
 */
#include "demo.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHANGED = 1, KILLED = 2, COPIED = 3, TOLD_MAX = 200 };

/** What a step claims, and what it found. */
struct step {
    const char *name;
    const char *claim;
    unsigned limit_ms;
    /** 1: holds now; called again and again until then */
    int (*holds)(struct demo *d, json_t *facts);
    /** done once before; NULL: nothing */
    int (*begin)(struct demo *d);
};

static double seconds(const struct demo *d) { return (double)(cli_mono() - d->begin) / 1e9; }

static const char *text_at(const json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

static json_int_t number_at(const json_t *o, const char *group, const char *key) {
    return json_integer_value(json_object_get(group != NULL ? json_object_get(o, group) : o, key));
}

static void set(json_t *facts, const char *key, json_t *value) { json_object_set_new(facts, key, value); }

/* ---- 1: sessions ---- */

static int start_all(struct demo *d) {
    for (int i = 0; i < DEMO_NODES; i++) {
        const int code = demo_start(d, i);
        if (code != CLI_OK) return code;
    }
    return CLI_OK;
}

/* Sessions up, and of them in mode R, between the nodes that run. */
static int count_sessions(struct demo *d, int *mode_r) {
    int up = 0;
    *mode_r = 0;
    for (int i = 0; i < DEMO_NODES; i++) {
        json_t *status = d->p[i].pid != 0 ? demo_status(d, i) : NULL;
        for (int k = 0; k < DEMO_NODES; k++) {
            const json_t *peer = k == i ? NULL : demo_peer(d, status, k);
            const int active = strcmp(text_at(peer, "own_instance"), "ACTIVE") == 0 &&
                               strcmp(text_at(peer, "held_instance"), "ACTIVE") == 0;
            if (!json_is_true(json_object_get(peer, "up"))) continue;
            up++;
            *mode_r += active && strcmp(text_at(peer, "mode"), "R") == 0;
        }
        json_decref(status);
    }
    return up;
}

static int sessions_hold(struct demo *d, json_t *facts) {
    int mode_r = 0;
    const int up = count_sessions(d, &mode_r);
    set(facts, "sessions", json_integer(up / 2));
    set(facts, "mode_r", json_integer(mode_r / 2));
    return mode_r == DEMO_NODES * (DEMO_NODES - 1);
}

/* ---- 2: intelligence ---- */

/* What the nodes will read, read here by the same rules: so that every indicator can be asked for. */
static int read_alerts(struct demo *d, const char *path) {
    hkp_mesh_eve_file *f = NULL;
    struct hkp_mesh_record r;
    const hkp_status st = hkp_mesh_eve_file_open(&f, path, 1, NULL);
    if (st != HKP_OK) return cli_fail(CLI_SYSTEM, "%s: cannot be read", path);
    while (hkp_mesh_eve_file_next(f, cli_wall() / 1000000, &r) == HKP_OK) {
        struct demo_indicator one = {.type = r.ioc_type};
        size_t i = 0;
        d->alerts++;
        if (hkp_mesh_ioc_text(r.ioc_type, r.value, r.value_len, one.text, sizeof one.text) != HKP_OK)
            continue;
        while (i < d->n_indicators && strcmp(d->indicators[i].text, one.text) != 0) i++;
        if (i == d->n_indicators && i < DEMO_INDICATORS_MAX) d->indicators[d->n_indicators++] = one;
    }
    hkp_mesh_eve_file_close(f);
    return d->n_indicators > 0 ? CLI_OK
                               : cli_fail(CLI_USAGE, "%s: no alert in it names a public address", path);
}

/* One lookup: 1 if every record of it is proved. The newest is kept as an example. */
static int is_proved(struct demo *d, int node, const struct demo_indicator *one, json_t *facts) {
    json_t *answer = demo_ask(d, node,
                              json_pack("{s:s,s:s,s:s,s:b}", "op", "lookup", "type",
                                        hkp_mesh_ioc_type_name(one->type), "value", one->text, "proof", 1));
    const json_t *findings = json_object_get(answer, "findings");
    const size_t n = json_array_size(findings);
    size_t proved = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *f = json_array_get(findings, i), *proof = json_object_get(f, "proof");
        proved += number_at(f, NULL, "height") > 0 && json_is_true(json_object_get(proof, "verified"));
    }
    if (n > 0 && proved == n && json_object_get(facts, "example") == NULL) {
        json_t *example = json_deep_copy(json_array_get(findings, 0));
        set(example, "value", json_string(one->text));
        set(facts, "example", example);
    }
    json_decref(answer);
    return n > 0 && proved == n;
}

static int intel_holds(struct demo *d, json_t *facts) {
    static size_t at[DEMO_NODES]; /* what was proved stays so: go on from there */
    size_t lookups = 0;
    for (int i = 0; i < DEMO_NODES; i++) {
        while (at[i] < d->n_indicators && !demo_interrupted() &&
               is_proved(d, i, &d->indicators[at[i]], facts))
            at[i]++;
        lookups += at[i];
    }
    set(facts, "alerts", json_integer((json_int_t)d->alerts));
    set(facts, "indicators", json_integer((json_int_t)d->n_indicators));
    set(facts, "proofs_verified", json_integer((json_int_t)lookups));
    return lookups == DEMO_NODES * d->n_indicators;
}

/* ---- 3: integrity ---- */

static double trust_before[DEMO_NODES];
static json_int_t ters_before;

static double trust_of(struct demo *d, int viewer, int node, char *reason, size_t cap) {
    json_t *status = demo_status(d, viewer);
    const json_t *peer = demo_peer(d, status, node);
    const double trust = peer != NULL ? json_number_value(json_object_get(peer, "trust")) : -1;
    if (reason != NULL) snprintf(reason, cap, "%s", text_at(peer, "reason"));
    json_decref(status);
    return trust;
}

static int change_file(struct demo *d) {
    for (int i = 0; i < DEMO_NODES; i++)
        if (i != CHANGED) trust_before[i] = trust_of(d, i, CHANGED, NULL, 0);
    json_t *status = demo_status(d, CHANGED);
    ters_before = number_at(status, "counts", "ters");
    json_decref(status);
    return demo_write(d->p[CHANGED].measured, "the file as somebody else would like it\n");
}

static int integrity_holds(struct demo *d, json_t *facts) {
    char reason[128] = "";
    int fallen = 0;
    json_t *status = demo_status(d, CHANGED), *integrity = json_object_get(status, "integrity");
    const int differs = strcmp(text_at(integrity, "state"), "differs") == 0;
    const char *path = text_at(json_array_get(json_object_get(integrity, "differs"), 0), "path");
    const char *name = strrchr(path, '/');
    if (differs && json_object_get(facts, "ters_until_seen") == NULL) {
        set(facts, "ters_until_seen", json_integer(number_at(status, "counts", "ters") - ters_before));
        set(facts, "file", json_string(name != NULL ? name + 1 : path));
    }
    json_decref(status);
    json_t *trust = json_array();
    for (int i = 0; i < DEMO_NODES; i++) {
        if (i == CHANGED) continue;
        const double now = trust_of(d, i, CHANGED, reason, sizeof reason);
        fallen += now >= 0 && now < trust_before[i] && strstr(reason, "integrity") != NULL;
        json_array_append_new(trust, json_pack("{s:i,s:f,s:f,s:s}", "seen_by", i + 1, "before",
                                               trust_before[i], "after", now, "reason", reason));
    }
    set(facts, "trust", trust);
    return differs && fallen == DEMO_NODES - 1 && number_at(facts, NULL, "ters_until_seen") <= 2;
}

/* ---- 4: a node is killed, and comes back ---- */

static const char *const late_value = "45.155.205.233";
static json_int_t height_before;

static int kill_one(struct demo *d) {
    json_t *status = demo_status(d, 0);
    height_before = number_at(status, "chain", "height");
    json_decref(status);
    demo_kill(d, KILLED, SIGKILL);
    json_t *answer = demo_ask(
        d, 0,
        json_pack("{s:s,s:s,s:s,s:i}", "op", "report", "type", "ip4", "value", late_value, "evidence", 1));
    const int ok = answer != NULL;
    json_decref(answer);
    return ok ? CLI_OK : cli_fail(CLI_NO, "node 1 takes no report");
}

/* Height at which a node has the late report final; 0: not yet. */
static json_int_t late_height(struct demo *d, int node) {
    json_t *answer =
        demo_ask(d, node, json_pack("{s:s,s:s,s:s}", "op", "lookup", "type", "ip4", "value", late_value));
    const json_int_t height =
        number_at(json_array_get(json_object_get(answer, "findings"), 0), NULL, "height");
    json_decref(answer);
    return height;
}

static int three_go_on(struct demo *d, json_t *facts) {
    json_int_t least = 0;
    int done = 0;
    for (int i = 0; i < DEMO_NODES; i++) {
        const json_int_t h = i == KILLED ? 0 : late_height(d, i);
        done += h > height_before;
        if (h > 0) least = h;
    }
    set(facts, "height_before", json_integer(height_before));
    set(facts, "height_after", json_integer(least));
    return done == DEMO_NODES - 1;
}

static int restart(struct demo *d) { return demo_start(d, KILLED); }

static int caught_up(struct demo *d, json_t *facts) {
    json_t *mine = demo_status(d, KILLED), *other = demo_status(d, 0);
    const json_int_t h = number_at(mine, "chain", "height"), theirs = number_at(other, "chain", "height");
    const int same_mesh = strcmp(text_at(mine, "chain_id"), text_at(other, "chain_id")) == 0;
    json_decref(mine);
    json_decref(other);
    set(facts, "height", json_integer(h));
    set(facts, "others", json_integer(theirs));
    return same_mesh && h > height_before && h + 1 >= theirs && late_height(d, KILLED) > 0 &&
           late_height(d, KILLED) == late_height(d, 0);
}

/* ---- 5: who does not belong ---- */

static int start_stranger(struct demo *d) { return demo_start(d, DEMO_STRANGER); }

/* 1 if a node shows that it refused who; the cause goes into the facts. */
static int shows_refusal(struct demo *d, int node, int who, json_t *facts) {
    json_t *status = demo_status(d, node), *r;
    size_t i;
    int found = 0;
    json_array_foreach(json_object_get(status, "refusals"), i, r) {
        if (strcmp(text_at(r, "node_id"), d->p[who].node_id) != 0) continue;
        set(facts, "refused_by", json_integer(node + 1));
        set(facts, "cause", json_string(text_at(r, "cause")));
        found = 1;
    }
    json_decref(status);
    return found;
}

/* Sessions that a process has with anybody; -1: it does not answer. */
static json_int_t sessions_of(struct demo *d, int which) {
    json_t *status = demo_status(d, which);
    const json_int_t up = status != NULL ? number_at(status, "sessions", "up") : -1;
    json_decref(status);
    return up;
}

static int stranger_refused(struct demo *d, json_t *facts) {
    int refused = 0;
    for (int i = 0; i < DEMO_NODES; i++) refused += shows_refusal(d, i, DEMO_STRANGER, facts);
    set(facts, "nodes_that_refused", json_integer(refused));
    return refused == DEMO_NODES && sessions_of(d, DEMO_STRANGER) == 0;
}

static json_int_t commit_of_copy;

/* The newest state that the copied node could have on disk, towards any of the others. */
static json_int_t newest_own_commit(struct demo *d) {
    json_t *status = demo_status(d, COPIED);
    json_int_t newest = 0;
    for (int i = 0; i < DEMO_NODES - 1; i++) {
        const json_int_t c = number_at(demo_peer(d, status, i), NULL, "own_commit");
        if (c > newest) newest = c;
    }
    json_decref(status);
    return newest;
}

/* The oldest of the states that the others have agreed with it. */
static json_int_t oldest_held_commit(struct demo *d) {
    json_int_t oldest = INT64_MAX;
    for (int i = 0; i < DEMO_NODES - 1; i++) {
        json_t *status = demo_status(d, i);
        const json_int_t c = number_at(demo_peer(d, status, COPIED), NULL, "held_commit");
        if (c < oldest) oldest = c;
        json_decref(status);
    }
    return oldest;
}

static int copy_state(struct demo *d) {
    const int st = demo_copy_folder(d->p[COPIED].dir, d->p[DEMO_REPLAY].dir);
    commit_of_copy = newest_own_commit(d); /* after the copy, so not below what is in it */
    return st;
}

/* Trust begins at 0.30 and rises by 1/64 with each good heartbeat (NZ1 16): it must be there to be lost. */
static int time_has_passed(struct demo *d, json_t *facts) {
    const json_int_t now = oldest_held_commit(d);
    double least = 1;
    for (int i = 0; i < DEMO_NODES; i++) {
        const double trust = i == CHANGED ? 1 : trust_of(d, i, CHANGED, NULL, 0);
        if (trust < least) least = trust;
    }
    set(facts, "trust", json_real(least));
    set(facts, "commit_of_copy", json_integer(commit_of_copy));
    set(facts, "commit_now", json_integer(now));
    /* A holder keeps two agreed states: both have to be newer than the copy (NZ1 17). */
    return least > 0.42 && now >= commit_of_copy + 2 * DEMO_COMMIT_EVERY;
}

static int start_replay(struct demo *d) {
    demo_kill(d, COPIED, SIGTERM); /* the true node makes room: the copy is refused for its state alone */
    demo_kill(d, DEMO_STRANGER, SIGKILL);
    return demo_start(d, DEMO_REPLAY);
}

static int replay_refused(struct demo *d, json_t *facts) {
    int refused = 0;
    for (int i = 0; i < DEMO_NODES - 1; i++) refused += shows_refusal(d, i, DEMO_REPLAY, facts);
    set(facts, "nodes_that_refused", json_integer(refused));
    return refused == DEMO_NODES - 1;
}

/* ---- the run ---- */

static const struct step steps[] = {
    {"sessions", "strangers at first, all pairs enrol each other and talk in mode R", 12000, sessions_hold,
     start_all},
    {"intel", "every node knows every threat, with a proof against a certificate", 12000, intel_holds, NULL},
    {"time", "trust grows, and the states move on from what a thief has copied", 15000, time_has_passed,
     copy_state},
    {"integrity", "a changed file is seen, and costs the trust of the others", 6000, integrity_holds,
     change_file},
    {"killed", "one node is killed, three go on finalising", 8000, three_go_on, kill_one},
    {"restarted", "the killed node comes back, catches up and agrees", 15000, caught_up, restart},
    {"stranger", "a node without enrolment is refused", 8000, stranger_refused, start_stranger},
    {"replay", "a node with a replayed state is refused", 8000, replay_refused, start_replay},
    {"liar", "another mesh: one validator of four signs two votes for one view, and is convicted by them",
     60000, demo_liar_convicted, demo_liar_begin},
    {"ejected", "at the next boundary it has no seat any more, and three go on finalising", 60000,
     demo_liar_ejected, NULL},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* What a step found, in words. */
static void tell(const char *name, const json_t *f, char out[TOLD_MAX]) {
    const json_t *example = json_object_get(f, "example"),
                 *t = json_array_get(json_object_get(f, "trust"), 0);
    if (strcmp(name, "sessions") == 0)
        snprintf(out, TOLD_MAX, "%d of %d pairs", (int)number_at(f, NULL, "mode_r"),
                 DEMO_NODES * (DEMO_NODES - 1) / 2);
    else if (strcmp(name, "intel") == 0)
        snprintf(out, TOLD_MAX, "%d alerts, %d threats, %d proofs verified; e.g. %s by %.8s, checkpoint %d",
                 (int)number_at(f, NULL, "alerts"), (int)number_at(f, NULL, "indicators"),
                 (int)number_at(f, NULL, "proofs_verified"), text_at(example, "value"),
                 text_at(example, "author"), (int)number_at(example, NULL, "height"));
    else if (strcmp(name, "integrity") == 0)
        snprintf(out, TOLD_MAX, "%s seen after %d TERs; trust %.2f -> %.2f: %s", text_at(f, "file"),
                 (int)number_at(f, NULL, "ters_until_seen"), json_number_value(json_object_get(t, "before")),
                 json_number_value(json_object_get(t, "after")), text_at(t, "reason"));
    else if (strcmp(name, "killed") == 0)
        snprintf(out, TOLD_MAX, "checkpoint %d -> %d without it", (int)number_at(f, NULL, "height_before"),
                 (int)number_at(f, NULL, "height_after"));
    else if (strcmp(name, "restarted") == 0)
        snprintf(out, TOLD_MAX, "at checkpoint %d, the others at %d", (int)number_at(f, NULL, "height"),
                 (int)number_at(f, NULL, "others"));
    else if (strcmp(name, "time") == 0)
        snprintf(out, TOLD_MAX, "trust at least %.2f; copy of commit %d, now commit %d",
                 json_real_value(json_object_get(f, "trust")), (int)number_at(f, NULL, "commit_of_copy"),
                 (int)number_at(f, NULL, "commit_now"));
    else if (strcmp(name, "liar") == 0)
        snprintf(out, TOLD_MAX,
                 "%.8s signed two votes in view %d; %d nodes hold them, final in checkpoint %d",
                 text_at(f, "offender"), (int)number_at(f, NULL, "view"),
                 (int)number_at(f, NULL, "nodes_that_know"), (int)number_at(f, NULL, "height"));
    else if (strcmp(name, "ejected") == 0)
        snprintf(out, TOLD_MAX, "%d validators are left; checkpoint %d -> %d without it",
                 (int)number_at(f, NULL, "members"), (int)number_at(f, NULL, "height_before"),
                 (int)number_at(f, NULL, "height"));
    else
        snprintf(out, TOLD_MAX, "%d nodes refused it; node %d says: %s",
                 (int)number_at(f, NULL, "nodes_that_refused"), (int)number_at(f, NULL, "refused_by"),
                 text_at(f, "cause"));
}

/* One step to its end: 1 if it held. */
static int run_step(struct demo *d, const struct step *s, json_t *facts) {
    const hkp_time deadline = cli_mono() + (hkp_time)s->limit_ms * 1000000U;
    if (s->begin != NULL && s->begin(d) != CLI_OK) return 0;
    while (!demo_interrupted()) {
        if (s->holds(d, facts)) return 1;
        if (cli_mono() > deadline) return 0;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return 0;
}

static int run_steps(struct demo *d, json_t *report) {
    int held = 0;
    for (int i = 0; i < STEPS; i++) {
        char told[TOLD_MAX];
        json_t *facts = json_object();
        const double from = seconds(d);
        if (!d->json && isatty(1)) printf("  ...  %s\r", steps[i].claim), fflush(stdout);
        const int ok = run_step(d, &steps[i], facts);
        held += ok;
        tell(steps[i].name, facts, told);
        set(facts, "held", json_boolean(ok));
        set(facts, "seconds", json_real(seconds(d) - from));
        json_object_set_new(report, steps[i].name, facts);
        if (!d->json)
            printf("%5.1f s  %-4s %s\n               %s\n", seconds(d), ok ? "ok" : "NO", steps[i].claim,
                   told);
        fflush(stdout);
        if (!ok) break;
    }
    return held == STEPS;
}

static void print_table(const json_t *report) {
    printf("\n%-11s %-5s %7s  %s\n", "step", "held", "seconds", "what it shows");
    for (int i = 0; i < STEPS; i++) {
        const json_t *f = json_object_get(report, steps[i].name);
        if (f == NULL)
            printf("%-11s %-5s %7s  %s\n", steps[i].name, "-", "-", steps[i].claim);
        else
            printf("%-11s %-5s %7.1f  %s\n", steps[i].name,
                   json_is_true(json_object_get(f, "held")) ? "yes" : "NO",
                   json_number_value(json_object_get(f, "seconds")), steps[i].claim);
    }
}

static int run(struct demo *d, const char *eve) {
    int code = read_alerts(d, eve);
    if (code == CLI_OK) code = demo_prepare(d, eve);
    if (code != CLI_OK) return code;
    json_t *report = json_object();
    if (!d->json)
        printf("Four nodes, each a process with keys, files and a chain of its own, on this machine.\n\n");
    fflush(stdout); /* now, also into a pipe: a reader sees at once that it has begun */
    const int ok = run_steps(d, report);
    for (int i = 0; !ok && i < DEMO_PROCESSES; i++) demo_show_log(d, i);
    set(report, "held", json_boolean(ok));
    set(report, "total_seconds", json_real(seconds(d)));
    if (d->json) {
        cli_print_json(json_incref(report), 0);
    } else {
        print_table(report);
        printf("\n%s in %.1f s. Nothing is left behind.\n", ok ? "All of it held" : "NOT all of it held",
               seconds(d));
    }
    json_decref(report);
    return ok ? CLI_OK : CLI_NO;
}

/* The sample that the project ships: where it was built, or where it is installed. */
static const char *sample(void) {
    return access(CLI_SAMPLE_BUILT, R_OK) == 0 ? CLI_SAMPLE_BUILT : CLI_SAMPLE_INSTALLED;
}

static int demo(int argc, char **argv) {
    static const struct option own[] = {{"eve", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0}};
    static struct demo d;
    char path[4096];
    const char *eve = NULL;
    int got;
    while ((got = cli_option(&cli_demo, argc, argv, own)) != -1) {
        if (got == '?') return CLI_USAGE;
        if (got == 'e') eve = optarg;
        if (got == 'j') d.json = 1;
    }
    if (optind != argc) return cli_fail(CLI_USAGE, "demo wants no argument: %s", argv[optind]);
    if (eve == NULL) eve = sample();
    if (realpath(eve, path) == NULL) return cli_fail(CLI_USAGE, "%s: %s", eve, strerror(errno));
    if (strpbrk(path, "\"\\") != NULL)
        return cli_fail(CLI_USAGE, "%s: a path with quotes or backslashes will not do", path);
    d.begin = cli_mono();
    const int code = run(&d, path);
    demo_end(&d);
    return code;
}

const struct cli_command cli_demo = {
    .name = "demo",
    .summary = "four nodes on this machine: from a kernel counter to a proven verdict",
    .help =
        "usage: hookprobe demo [--eve FILE] [--json]\n\n"
        "Starts four nodes on loopback, has one of them publish real alerts of Suricata, and shows that "
        "all know them\n"
        "with proof; that a changed file costs trust; that three go on when one is killed; and that "
        "strangers and\n"
        "replayed states are refused. Then four more, of which one votes twice: it is convicted by its own "
        "signatures and\n"
        "loses its seat. Takes about half a minute and leaves nothing behind.\n\n"
        "  --eve FILE  alerts to publish, JSON lines or one array; default: the sample that the project "
        "ships\n"
        "  --json      one JSON object at the end, and nothing else\n",
    .run = demo,
};
