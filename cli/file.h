/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/*
 * hookprobe file: what its commands share.
 *
 *     file_key.c     identities and cards        file_config.c  who is asked; who may ask for what
 *     file_end.c     one endpoint and its loop   file_job.c     many transfers over one session
 *     file_bar.c     progress                    file_serve.c   the server
 *     file_put.c, file_get.c, file_look.c        the commands put, get, and ls, stat, rm
 */
#ifndef HKP_CLI_FILE_H
#define HKP_CLI_FILE_H

#include "cli.h"

#include <hookprobe/htp.h>
#include <stdio.h>

/** Beside the exit codes of all commands: stopped before the end, and the same command goes on from there. */
enum { CLI_STOPPED = 5 };

/** Commands that may use one identity at the same time. */
enum { CLI_FILE_SESSIONS_PER_NODE = 8 };

/* ---- Identities ---- */

enum { CLI_CARD_HEX = 160 };

/** Who we are. Secret. */
struct cli_file_key {
    uint8_t node_id[16];
    uint8_t a_seed[32], s_secret[32];
};

/** What the other side has to know of an identity; as text CLI_CARD_HEX hex digits: node_id, A, S. */
struct cli_file_card {
    uint8_t node_id[16];
    uint8_t a[32], s[32];
};

/** Reads a key file; passphrase_file may be NULL. Tells what is wrong and returns an exit code. */
int cli_file_key_read(const char *path, const char *passphrase_file, struct cli_file_key *key);
int cli_file_card_read(const char *text, struct cli_file_card *card);
void cli_file_card_of(const struct cli_file_key *key, struct cli_file_card *card);
void cli_file_card_text(const struct cli_file_card *card, char text[CLI_CARD_HEX + 1]);

/* ---- Configurations ---- */

struct cli_file_server {
    char *name, *address, *card;
};

/** Of a client: CONFIG_HOME/hookprobe/file.yaml, or --config. */
struct cli_file_client {
    char *key, *passphrase_file;
    struct cli_file_server *servers;
    unsigned servers_count;
};

/** What somebody may do: words, sizes as text ("10M"). */
struct cli_file_peer {
    char *name, *card, *node_id, *folder, *operations, *extensions, *size_max, *quota;
};

/** Of a server. */
struct cli_file_service {
    char *root, *listen, *key, *passphrase_file, *devices, *audit, *size_max;
    uint32_t transfers_max, sessions_max;
    struct cli_file_peer *peers;
    unsigned peers_count;
};

/** Loads and checks; NULL and error[512] = "FILE:LINE: KEY: why". */
struct cli_file_client *cli_file_client_load(const char *path, char error[512]);
void cli_file_client_free(struct cli_file_client *config);
struct cli_file_service *cli_file_service_load(const char *path, char error[512]);
void cli_file_service_free(struct cli_file_service *config);

/** "4096", "10M", "1G": bytes, 0 on success. */
int cli_file_size(const char *text, uint64_t *bytes);
/** "put get ls": bits HKP_HTP_FILE_MAY_*, 0 on success. */
int cli_file_operations(const char *text, uint32_t *bits);

extern const char cli_file_client_help[], cli_file_service_help[];

/* ---- One endpoint, its socket, its transfers ---- */

struct cli_file_end {
    hkp_htp_devices *devices;
    hkp_htp_endpoint *ep;
    hkp_htp_udp *udp;
    hkp_htp_files *files;
};

struct cli_file_end_options {
    /** borrowed for the call */
    const struct cli_file_key *key;
    /** ADDRESS:PORT; NULL: any port, and no HELLO is answered */
    const char *listen;
    uint32_t sessions_max;
    const struct hkp_htp_files_options *files;
};

/** Opens all but the devices, which are there already. Tells what is wrong and returns an exit code. */
int cli_file_end_open(struct cli_file_end *e, const struct cli_file_end_options *o);
void cli_file_end_close(struct cli_file_end *e);

/** What the owner of an end does with what happens; NULL members are left out. */
struct cli_file_ears {
    void *user;
    void (*session)(void *user, const struct hkp_htp_event *ev);
    void (*file)(void *user, const struct hkp_htp_file_event *ev);
};

/** One turn of the loop; waits at most so long if there is nothing to do, or until a signal. */
void cli_file_end_turn(struct cli_file_end *e, const struct cli_file_ears *ears, hkp_time until);
/** Ends all sessions, and lets what says so go out. */
void cli_file_end_leave(struct cli_file_end *e, const uint64_t *sessions, size_t n, uint16_t reason);

/** Enrols a card: mode N with pinned keys. */
hkp_status cli_file_enrol(hkp_htp_devices *devices, const struct cli_file_card *card);

/** SIGINT and SIGTERM are counted from now on; SIGHUP too if asked for. */
void cli_file_signals(int hup);
int cli_file_asked_to_end(void);
/** 1 once after each SIGHUP. */
int cli_file_asked_to_read(void);

/* ---- Many questions to one server ---- */

enum {
    CLI_FILE_TIMEOUT_S = 30,
    /** files from here on are hashed before they are sent, so that they can go on where they were */
    CLI_FILE_RESUME_FROM = 4194304,
    /** questions that are handed to the library at once: those under way, and the next ones */
    CLI_FILE_AHEAD = 2 * HKP_HTP_FILE_SESSION_MAX
};

/** One question, or several one after the other about one path. Lives as long as the run, at one index. */
struct cli_file_job {
    /** owned; without '/' at the begin */
    char *remote;
    /** owned; NULL: it has none */
    char *local;
    /** owned; of a LIST: the last name that came */
    char *seen;
    uint64_t size, done, mtime_us;
    hkp_time begin;
    /** the command's: of a folder the indexes of its files and how far they were compared */
    uint32_t first, count, at;
    /** next in the queue, + 1; 0: the last */
    uint32_t next;
    /** the command's */
    uint8_t step, same;
    /** 1: it went on where an earlier one had ended, or in another session */
    uint8_t resumed;
};

struct cli_file_run;

struct cli_file_ops {
    /** what is asked for a job now; path is set. Not 0: the job is over */
    int (*ask)(struct cli_file_run *r, uint32_t job, struct hkp_htp_file_request *rq);
    /** one entry of a LIST */
    void (*entry)(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev);
    /** DONE, or FAILED */
    void (*over)(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev);
};

struct cli_file_bar {
    /** 1: there is a terminal that shows it; and there is something to show */
    int wanted, shown;
    hkp_time begin, drawn, last;
    uint64_t last_bytes;
    double rate;
    size_t width;
};

struct cli_file_run {
    const struct cli_command *command;
    const struct cli_file_ops *ops;
    void *user;
    /* options */
    const char *config_path;
    hkp_time timeout;
    uint32_t width;
    int json, quiet, verbose, recursive, all, hash, compress, once;
    /* who is asked */
    struct cli_file_client *config;
    const struct cli_file_server *server;
    struct cli_file_card card;
    struct hkp_htp_path address;
    struct cli_file_end end;
    uint64_t session, connecting;
    hkp_time retry, backoff, moved, heard, unanswered, probed, looked;
    uint64_t packets;
    int was_up, given_up;
    char why[160];
    /* what is asked */
    struct cli_file_job *jobs;
    uint32_t n_jobs, cap_jobs, first, last;
    struct {
        uint64_t transfer;
        uint32_t job;
    } open[CLI_FILE_AHEAD];
    uint32_t n_open;
    /* what came of it */
    uint64_t bytes, bytes_done, bytes_moved;
    uint32_t files, files_done, files_same, files_failed;
    int code;
    struct cli_file_bar bar;
};

/** Options that all commands of a client have: --config, --timeout, --quiet; long names of the command
 * beside. */
#define CLI_FILE_OPTIONS                                                                                     \
    {"config", required_argument, NULL, 'c'}, {"timeout", required_argument, NULL, 't'}, {                   \
        "quiet", no_argument, NULL, 'q'                                                                      \
    }
#define CLI_FILE_OPTIONS_HELP                                                                                \
    "  --config FILE  who is asked, and with which key; default ~/.config/hookprobe/file.yaml\n"             \
    "  --timeout S    give up when the server was silent for so long, 1..86400 seconds; default 30\n"        \
    "  --quiet        no progress, no summary\n"                                                             \
    "  --json         one JSON object a line\n"
#define CLI_FILE_EXIT_HELP                                                                                   \
    "here: 1 a file was not found or refused; 3 no server, or one side's disk failed; 4 what came is not "   \
    "what "                                                                                                  \
    "was\n      declared; 5 stopped before the end, and the same command goes on from there\n"

/** Takes the options of a command into r; '?' after telling what is wrong, else as cli_option(). */
int cli_file_option(struct cli_file_run *r, int argc, char **argv, const struct option *own);
/** "NAME:PATH": the server on first use, then the same; path without '/' at the begin. Exit code. */
int cli_file_remote(struct cli_file_run *r, const char *text, const char **path);
/** A new job; UINT32_MAX without memory. Takes the strings, also then. */
uint32_t cli_file_job(struct cli_file_run *r, char *remote, char *local);
/** Puts a job behind those that wait. */
void cli_file_ready(struct cli_file_run *r, uint32_t job);
/** Asks until there is nothing left to ask; exit code. Told and printed but for the summary. */
int cli_file_run(struct cli_file_run *r);
void cli_file_run_free(struct cli_file_run *r);
/** A job failed: told on standard error or as JSON, and in the exit code. */
void cli_file_failed(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev);
/** A file was moved, or need not be. */
void cli_file_done(struct cli_file_run *r, uint32_t job, const struct hkp_htp_file_event *ev);
void cli_file_same(struct cli_file_run *r, uint32_t job);
/** Name of an entry; noted as the last that came; the next page begins behind that. */
void cli_file_name(const struct hkp_htp_file_event *ev, char name[HKP_HTP_FILE_NAME_MAX + 1]);
void cli_file_seen(struct cli_file_job *j, const char *name);
void cli_file_behind(const struct cli_file_job *j, struct hkp_htp_file_request *rq);
/** What stands behind the last '/'. */
const char *cli_file_base(const char *path);
/** Malloc'd "folder/name"; NULL without memory. */
char *cli_file_join(const char *folder, const char *name);

void cli_file_bar_draw(struct cli_file_run *r, hkp_time now);
/** Clears the line, so that something else can be printed. */
void cli_file_bar_hide(struct cli_file_run *r);
/** "12.3 MiB" */
const char *cli_file_amount(uint64_t bytes, char text[16]);

#endif
