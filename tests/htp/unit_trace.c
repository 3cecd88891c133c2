/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Trace and key log (HTP-18.4): what they say is what happened, and they are silent unless switched on. */
#include <hookprobe/htp/trace.h>

#include "roads.h"

enum { LINES_MAX = 400 };

struct sink {
    char *events[LINES_MAX], *keys[LINES_MAX];
    int n_events, n_keys;
};

static void take(char **lines, int *n, const char *text, size_t len) {
    CHECK(*n < LINES_MAX && len <= HKP_HTP_TRACE_LINE_MAX);
    if (*n < LINES_MAX) lines[(*n)++] = strndup(text, len);
}

static void on_event(void *user, const char *json, size_t len) {
    struct sink *s = user;
    take(s->events, &s->n_events, json, len);
}

static void on_key(void *user, const char *line, size_t len) {
    struct sink *s = user;
    take(s->keys, &s->n_keys, line, len);
}

static void release(struct sink *s) {
    for (int i = 0; i < s->n_events; i++) free(s->events[i]);
    for (int i = 0; i < s->n_keys; i++) free(s->keys[i]);
    memset(s, 0, sizeof *s);
}

static struct hkp_htp_trace trace_to(struct sink *s) {
    return (struct hkp_htp_trace){
        .struct_size = sizeof(struct hkp_htp_trace), .user = s, .event = on_event, .key = on_key};
}

static void load(struct world *w, const char *name) {
    char file[80];
    snprintf(file, sizeof file, "htp/handshake_%s.json", name);
    world_load(w, vec_get(vec_load(file), "inputs"));
}

/* The data of event i if it has this name, else NULL; every line is one JSON object. */
static json_t *event_data(const struct sink *s, int i, const char *name) {
    json_t *root = json_loads(s->events[i], JSON_REJECT_DUPLICATES, NULL);
    CHECK(root != NULL);
    const char *is = json_string_value(json_object_get(root, "name"));
    json_t *data = is != NULL && strcmp(is, name) == 0 ? json_incref(json_object_get(root, "data")) : NULL;
    json_decref(root);
    return data;
}

static int count_events(const struct sink *s, const char *name, const char *type) {
    int n = 0;
    for (int i = 0; i < s->n_events; i++) {
        json_t *data = event_data(s, i, name);
        const char *is = json_string_value(json_object_get(json_object_get(data, "header"), "packet_type"));
        n += data != NULL && (type == NULL || (is != NULL && strcmp(is, type) == 0));
        json_decref(data);
    }
    return n;
}

/* A session with a message, a rekey and its end; E is traced. */
static void traced_session(struct pair *p, const struct hkp_htp_trace *t) {
    uint8_t message[2000] = {7};
    uint32_t stream;
    pair_new(p, p->w);
    CHECK_EQ(hkp_htp_trace_set(p->e, t, p->now, p->wall), HKP_OK);
    CHECK_EQ(pair_connect(p), HKP_OK);
    pair_run(p, HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_stream_open(p->e, p->session, HKP_HTP_STREAM_TER, 0, 1, &stream), HKP_OK);
    CHECK_EQ(hkp_htp_stream_send(p->e, p->session, stream, message, sizeof message, 0), HKP_OK);
    pair_run(p, HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_session_rekey(p->e, p->now, p->session), HKP_OK);
    pair_run(p, 6 * HKP_HTP__SEC);
    CHECK_EQ(hkp_htp_session_close(p->e, p->now, p->session, HKP_HTP_REASON_DONE), HKP_OK);
    pair_run(p, 3 * HKP_HTP__SEC);
}

static void events_tell_what_happened(void) {
    static struct world w;
    struct pair p = {.w = &w};
    struct sink s = {.n_events = 0};
    struct hkp_htp_trace t = trace_to(&s);
    load(&w, "r");
    traced_session(&p, &t);
    json_t *head = json_loads(s.events[0], 0, NULL);
    CHECK(head != NULL && json_object_get(head, "file_schema") != NULL);
    json_decref(head);
    CHECK_EQ(count_events(&s, "htp:packet_sent", "HELLO"), 1);
    CHECK_EQ(count_events(&s, "htp:packet_received", "CHALLENGE"), 1);
    CHECK_EQ(count_events(&s, "htp:packet_sent", "ATTEST"), 1);
    CHECK_EQ(count_events(&s, "htp:packet_received", "ACCEPT"), 1);
    CHECK(count_events(&s, "htp:packet_sent", "DATA") >= 3);
    CHECK(count_events(&s, "htp:packet_sent", "HEARTBEAT") >= 1);
    CHECK_EQ(count_events(&s, "htp:connection_state_updated", NULL), 2);
    CHECK_EQ(count_events(&s, "htp:key_updated", NULL), 2);
    CHECK(count_events(&s, "htp:recovery_metrics_updated", NULL) > 3);

    size_t bytes = 0, rekeys = 0;
    for (int i = 0; i < s.n_events; i++) {
        json_t *data = event_data(&s, i, "htp:packet_sent"), *f;
        size_t k;
        json_array_foreach(json_object_get(data, "frames"), k, f) {
            const char *type = json_string_value(json_object_get(f, "frame_type"));
            if (strcmp(type, "stream") == 0)
                bytes += (size_t)json_integer_value(json_object_get(f, "length"));
            rekeys += strcmp(type, "rekey") == 0;
        }
        json_decref(data);
    }
    CHECK_EQ(bytes, 2004); /* the message and its length */
    CHECK_EQ(rekeys, 1);
    pair_free(&p);
    release(&s);
}

/* Bytes of the protected packets that went by a path, as the trace says. */
static uint64_t bytes_by(const struct sink *s, const char *path, uint64_t carrier) {
    uint64_t bytes = 0;
    for (int i = 0; i < s->n_events; i++) {
        json_t *data = event_data(s, i, "htp:packet_sent");
        const char *is = json_string_value(json_object_get(data, "path"));
        if (is != NULL && strcmp(is, path) == 0 &&
            (uint64_t)json_integer_value(json_object_get(data, "carrier")) == carrier)
            bytes += (uint64_t)json_integer_value(json_object_get(json_object_get(data, "raw"), "length"));
        json_decref(data);
    }
    return bytes;
}

/* SWARM and a path that is asked: each packet is told with the path that it took, at either end. */
static void packets_name_the_path_they_took(void) {
    for (int is_e = 0; is_e < 2; is_e++) {
        struct roads *x = roads_swarm(check_seed(), 3, HKP_HTP_FEATURE_SWARM);
        struct sink s = {.n_events = 0};
        const struct hkp_htp_trace t = trace_to(&s);
        const struct hkp_htp_path fourth = roads_v(x, 3);
        uint64_t before[4] = {0};
        (void)roads_rebind(x, 3, 23, 47003, 0);
        for (int i = 0; i < 3; i++) {
            const struct roads_host *h = &x->hosts[x->seen_as[i]];
            before[i] = is_e ? h->in : h->out;
        }
        CHECK_EQ(hkp_htp_trace_set(roads_side(x, is_e), &t, x->p.now, x->p.wall), HKP_OK);
        CHECK_EQ(hkp_htp_session_path_add(x->p.e, x->p.now, x->p.session, &fourth), HKP_OK);
        for (int i = 0; i < 6; i++) {
            roads_say(x, is_e, 8000);
            roads_run(x, HKP_HTP__SEC / 2);
        }
        for (int i = 0; i < 4; i++) {
            const struct roads_host *h = &x->hosts[x->seen_as[i]];
            const struct hkp_htp_path to = is_e ? x->p.path_v : roads_from_e(x, x->seen_as[i]);
            char text[HKP_HTP_PATH_TEXT_MAX];
            CHECK_EQ(hkp_htp_path_format(&to, text, sizeof text), HKP_OK);
            const uint64_t told = bytes_by(&s, text, is_e ? (uint64_t)i : 0);
            CHECK(told > 0);
            CHECK_EQ(told, (is_e ? h->in : h->out) - before[i]);
        }
        roads_free(x);
        release(&s);
    }
}

/* A dropped datagram is told with the name of its result. */
static void drops_are_told(void) {
    static struct world w;
    struct pair p;
    struct sink s = {.n_events = 0};
    struct hkp_htp_trace t = trace_to(&s);
    uint8_t junk[40] = {1, 0, 0, 0x10};
    load(&w, "n");
    pair_new(&p, &w);
    CHECK_EQ(hkp_htp_trace_set(p.v, &t, p.now, p.wall), HKP_OK);
    CHECK(pair_give(&p, 0, junk, 20) == HKP_E_HTP_SHORT);
    json_t *data = event_data(&s, 1, "htp:packet_dropped");
    const char *trigger = json_string_value(json_object_get(data, "trigger"));
    CHECK(trigger != NULL && strcmp(trigger, "HKP_E_HTP_SHORT") == 0);
    json_decref(data);
    pair_free(&p);
    release(&s);
}

/* Keys of both directions and epochs, the two tokens of each, and one line for each handshake message. */
static void the_key_log_names_every_key_once(void) {
    static struct world w;
    struct pair p = {.w = &w};
    struct sink s = {.n_events = 0};
    struct hkp_htp_trace t = trace_to(&s);
    int keys[2][2] = {{0}}, handshake = 0;
    load(&w, "r_suite2_mask");
    traced_session(&p, &t);
    for (int i = 0; i < s.n_keys; i++) {
        char dir[4];
        unsigned epoch, suite;
        char key[65], iv[25], hp[65];
        if (strncmp(s.keys[i], "HTP1_HANDSHAKE ", 15) == 0) handshake++;
        if (sscanf(s.keys[i], "HTP1_KEYS %*16[0-9a-f] %3s %u %u %64[0-9a-f] %24[0-9a-f] %64[0-9a-f]", dir,
                   &epoch, &suite, key, iv, hp) != 6)
            continue;
        CHECK(epoch < 2 && suite == 2 && strlen(key) == 64 && strlen(iv) == 24 && strlen(hp) == 64);
        if (epoch < 2) keys[epoch][dir[0] == 'E']++;
    }
    CHECK_EQ(handshake, 4);
    for (int i = 0; i < 4; i++) CHECK_EQ(keys[i / 2][i % 2], 1);
    pair_free(&p);
    release(&s);
}

static void nothing_is_told_unless_it_is_on(void) {
    static struct world w;
    struct pair p;
    struct sink s = {.n_events = 0};
    struct hkp_htp_trace t = trace_to(&s);
    load(&w, "n");
    pair_new(&p, &w);
    CHECK_EQ(hkp_htp_trace_set(p.e, &t, p.now, p.wall), HKP_OK);
    CHECK_EQ(hkp_htp_trace_set(p.e, NULL, p.now, p.wall), HKP_OK);
    const int before = s.n_events;
    CHECK_EQ(pair_connect(&p), HKP_OK);
    pair_run(&p, HKP_HTP__SEC);
    CHECK_EQ(s.n_events, before);
    CHECK_EQ(s.n_keys, 0);
    /* Switched on later, it still gives the keys in force. */
    CHECK_EQ(hkp_htp_trace_set(p.e, &t, p.now, p.wall), HKP_OK);
    CHECK_EQ(s.n_keys, 4);
    t.struct_size = 8;
    CHECK_EQ(hkp_htp_trace_set(p.e, &t, p.now, p.wall), HKP_E_INVAL);
    CHECK_EQ(hkp_htp_trace_set(NULL, NULL, 0, 0), HKP_E_INVAL);
    pair_free(&p);
    release(&s);
}

static void a_library_without_it_says_so(void) {
    static struct world w;
    struct pair p;
    struct sink s = {.n_events = 0};
    struct hkp_htp_trace t = trace_to(&s);
    load(&w, "n");
    pair_new(&p, &w);
    CHECK_EQ(hkp_htp_trace_set(p.e, &t, p.now, p.wall), HKP_E_UNSUPPORTED);
    pair_free(&p);
}

int main(void) {
#ifdef HKP_HTP__TRACED
    CASE(events_tell_what_happened);
    CASE(packets_name_the_path_they_took);
    CASE(drops_are_told);
    CASE(the_key_log_names_every_key_once);
    CASE(nothing_is_told_unless_it_is_on);
    (void)a_library_without_it_says_so;
#else
    CASE(a_library_without_it_says_so);
    (void)events_tell_what_happened, (void)drops_are_told, (void)packets_name_the_path_they_took;
    (void)the_key_log_names_every_key_once, (void)nothing_is_told_unless_it_is_on;
#endif
    return check_done();
}
