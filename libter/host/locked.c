/* SPDX-License-Identifier: MIT */
/* Copyright the HookProbe mesh authors */
/* Memory that is neither paged out nor dumped (SYN-9.4). */
#include <hookprobe/ter.h>

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t whole_pages(size_t size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return size > SIZE_MAX - page ? 0 : (size + page - 1) / page * page;
}

static void *locked_alloc(void *user, size_t size) {
    const size_t room = whole_pages(size);
    (void)user;
    if (room == 0) return NULL;
    void *ptr = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ptr == MAP_FAILED) return NULL;
    if (mlock(ptr, room) == 0 && madvise(ptr, room, MADV_DONTDUMP) == 0) return ptr;
    munmap(ptr, room);
    return NULL;
}

static void locked_free(void *user, void *ptr, size_t size) {
    (void)user;
    hkp_ter_wipe(ptr, size);
    munmap(ptr, whole_pages(size));
}

void hkp_ter_locked_mem(struct hkp_mem *mem) {
    mem->user = NULL;
    mem->alloc = locked_alloc;
    mem->free = locked_free;
}
