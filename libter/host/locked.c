/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Memory for secrets: what NZ1 15 asks for, by libsodium's guarded allocations. */
#include "libter/host/host.h"

#include <sodium.h>
#include <sys/mman.h>

/* An allocation ends at a guard page; a size of whole lines also makes it begin aligned for vectors. */
enum { LINE = 64 };

static void *locked_alloc(void *user, size_t size) {
    (void)user;
    return size <= SIZE_MAX - LINE ? sodium_malloc((size + LINE - 1) / LINE * LINE) : NULL;
}

static void locked_free(void *user, void *ptr, size_t size) {
    (void)user;
    (void)size;
    sodium_free(ptr);
}

hkp_status hkp_ter_locked_mem(struct hkp_mem *mem, int32_t *locked) {
    if (sodium_init() < 0) return HKP_E_UNSUPPORTED;
    uint8_t *probe = (uint8_t *)sodium_malloc(LINE);
    if (probe == NULL) return HKP_E_NOMEM;
    *locked = mlock(probe, LINE) == 0; /* sodium_malloc() goes on without saying so */
    sodium_free(probe);
    mem->user = NULL;
    mem->alloc = locked_alloc;
    mem->free = locked_free;
    return HKP_OK;
}
