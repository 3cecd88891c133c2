/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
#include "yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES 262144

/* ---- errors: where they are ---- */

/** What libcyaml says of a fault: its first words, then the place in the backtrace. */
struct complaint {
    char words[200];
    char key[64];
    unsigned line;
};

static void complain(cyaml_log_t level, void *context, const char *format, va_list args) {
    struct complaint *c = context;
    char text[200], key[64];
    unsigned line;
    (void)level;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = 0;
    const char *said = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
    const int is_place = strcmp(said, "Backtrace:") == 0 || strncmp(said + strspn(said, " "), "in ", 3) == 0;
    if (c->words[0] == 0 && !is_place) {
        const int of_enum = strncmp(said, "Invalid ENUM value", 18) == 0;
        snprintf(c->words, sizeof c->words, "%s%s", of_enum ? "none of the words allowed here" : said,
                 of_enum ? said + 18 : "");
    }
    if (c->line == 0 && sscanf(said, " in mapping field '%63[^']' (line: %u", key, &line) == 2) {
        c->line = line;
        snprintf(c->key, sizeof c->key, "%s", key);
    } else if (c->line == 0 && sscanf(said, " in %*[a-z 0-9'] (line: %u", &line) == 1) {
        c->line = line;
    }
}

/* Line of the nth (from 0) place where a key is set at or after a line, comments left out; 0: there is none.
 */
static unsigned line_of(const char *text, const char *key, unsigned nth, unsigned from) {
    const size_t len = strlen(key);
    unsigned line = 1;
    for (const char *at = text; *at != 0; line++) {
        const size_t n = strcspn(at, "\n"), code = strcspn(at, "#\n");
        for (size_t i = 0; line >= from && i + len < code; i++) {
            const int begins = i == 0 || strchr(" -{,\"'", at[i - 1]) != NULL;
            if (begins && memcmp(at + i, key, len) == 0 && strchr(":\"' ", at[i + len]) != NULL && nth-- == 0)
                return line;
        }
        at += n + (at[n] == '\n');
    }
    return 0;
}

/* libcyaml points before a key that it does not know or has seen: find the key itself. */
static void find_named(struct complaint *c, const char *text) {
    char key[64];
    if (sscanf(c->words, "Unexpected key: %63s", key) == 1) {
        const unsigned line = line_of(text, key, 0, c->line);
        if (line != 0) c->line = line;
    } else if (sscanf(c->words, "Mapping field already seen: %63s", key) == 1) {
        const unsigned first = line_of(text, key, 0, 1),
                       line = first == 0 ? 0 : line_of(text, key, 0, first + 1);
        if (line != 0) c->line = line;
    } else if (sscanf(c->words, "Missing required mapping field: %63s", key) != 1) {
        return;
    }
    snprintf(c->key, sizeof c->key, "%s", key);
}

int cli_yaml_wrong(char error[512], const char *path, const char *text, const char *key, unsigned nth,
                   const char *why) {
    const unsigned line = line_of(text, key, nth, 1);
    snprintf(error, 512, "%s:%u: %s: %s", path, line == 0 ? 1 : line, key, why);
    return -1;
}

int cli_yaml_wrong_value(char error[512], const char *path, const char *text, const char *key,
                         const char *value, const char *why) {
    const char *found = value != NULL && value[0] != 0 ? strstr(text, value) : NULL;
    unsigned line = 1;
    if (found == NULL) return cli_yaml_wrong(error, path, text, key, 0, why);
    for (const char *at = text; at < found; at++) line += *at == '\n';
    snprintf(error, 512, "%s:%u: %s: %s", path, line, key, why);
    return -1;
}

/* ---- loading ---- */

static char *read_text(const char *path, char error[512]) {
    char *text = malloc(FILE_MAX_BYTES + 1);
    FILE *f = fopen(path, "rb");
    size_t len = 0;
    if (f == NULL || text == NULL) {
        snprintf(error, 512, "%s: %s", path, strerror(errno));
    } else {
        len = fread(text, 1, FILE_MAX_BYTES + 1, f);
        if (ferror(f))
            snprintf(error, 512, "%s: %s", path, strerror(errno));
        else if (len > FILE_MAX_BYTES)
            snprintf(error, 512, "%s: longer than %d bytes", path, FILE_MAX_BYTES);
        else if (memchr(text, 0, len) != NULL)
            snprintf(error, 512, "%s: holds a zero byte", path);
        else
            error[0] = 0;
    }
    if (f != NULL) fclose(f);
    if (error[0] != 0) {
        free(text);
        return NULL;
    }
    text[len] = 0;
    return text;
}

static const cyaml_config_t plain = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};

void cli_yaml_free(const cyaml_schema_value_t *schema, void *loaded) {
    if (loaded != NULL) cyaml_free(&plain, schema, loaded, 0);
}

int cli_yaml_load(const char *path, const cyaml_schema_value_t *schema, int aliases, void **loaded,
                  char **text, char error[512]) {
    struct complaint c = {.words = ""};
    cyaml_config_t how = plain;
    void *got = NULL;
    error[0] = 1;
    *text = read_text(path, error);
    if (*text == NULL) return -1;
    if (!aliases) how.flags |= CYAML_CFG_NO_ALIAS;
    how.log_fn = complain;
    how.log_ctx = &c;
    const cyaml_err_t rc = cyaml_load_data((const uint8_t *)*text, strlen(*text), &how, schema, &got, NULL);
    if (rc == CYAML_OK) {
        *loaded = got;
        return 0;
    }
    find_named(&c, *text);
    snprintf(error, 512, "%s:%u: %s%s%s", path, c.line == 0 ? 1 : c.line, c.key, c.key[0] != 0 ? ": " : "",
             c.words[0] != 0 ? c.words : cyaml_strerror(rc));
    free(*text);
    *text = NULL;
    return -1;
}
