/* Clears a KV cache to zeros without writing to it.
 *
 * llama.cpp clears every KV buffer after it allocated it. Writing makes all of its pages resident: 3 GB for
 * 16 sequences of 8,192 tokens, which takes seconds. Pages of an anonymous mapping that were dropped with
 * MADV_DONTNEED read as zeros, and take memory only when they are written (madvise(2)).
 *
 * This library is loaded with RTLD_GLOBAL before libllama, so this definition takes precedence over the one
 * in libggml-base (dlopen(3), symbol lookup order). It calls the original for other values than 0 and for
 * buffers that are not in host memory.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void (*original_clear)(void *, uint8_t);
static void *(*get_base)(void *);
static size_t (*get_size)(void *);
static bool (*is_host)(void *);

EXPORT void galop_bind_clear(void *clear, void *base, void *size, void *host) {
    get_base = (void *(*)(void *))base;
    get_size = (size_t (*)(void *))size;
    is_host = (bool (*)(void *))host;
    original_clear = (void (*)(void *, uint8_t))clear;
}

EXPORT void ggml_backend_buffer_clear(void *buffer, uint8_t value) {
    if (value != 0 || !is_host(buffer)) {
        original_clear(buffer, value);
        return;
    }
    char *start = get_base(buffer);
    char *end = start + get_size(buffer);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *first = (char *)(((uintptr_t)start + page - 1) / page * page);
    char *last = (char *)((uintptr_t)end / page * page);
    if (last <= first || madvise(first, (size_t)(last - first), MADV_DONTNEED) != 0) {
        original_clear(buffer, value);
        return;
    }
    memset(start, 0, (size_t)(first - start));
    memset(last, 0, (size_t)(end - last));
}
