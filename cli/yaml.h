/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* YAML files by libcyaml, with errors that say where: "FILE:LINE: KEY: why". */
#ifndef HKP_CLI_YAML_H
#define HKP_CLI_YAML_H

#include <cyaml/cyaml.h>

/**
 * Loads a file of at most 256 KiB. 0, and loaded (NULL if the file sets nothing) to be given to
 * cli_yaml_free(), text to be freed; or -1 and error. aliases 0: anchors and aliases are refused.
 */
int cli_yaml_load(const char *path, const cyaml_schema_value_t *schema, int aliases, void **loaded,
                  char **text, char error[512]);
void cli_yaml_free(const cyaml_schema_value_t *schema, void *loaded);

/** Says what is wrong with the nth (from 0) place where a key is set; -1. */
int cli_yaml_wrong(char error[512], const char *path, const char *text, const char *key, unsigned nth,
                   const char *why);

/** The same where a value is wrong, if it stands in the text as it is; else where key is set first. */
int cli_yaml_wrong_value(char error[512], const char *path, const char *text, const char *key,
                         const char *value, const char *why);

#endif
