/* Zero-fill a KV cache without touching it.
 *
 * llama.cpp clears every KV buffer after allocating it, which makes the kernel hand out all of its
 * pages at once: 3 GB for 16 sequences of 8,192 tokens, seconds at start, resident for ever. Pages
 * of an anonymous mapping that are given back with MADV_DONTNEED read as zeros and cost nothing
 * until they are written (madvise(2)), so clearing to zero can do just that.
 *
 * Loaded with RTLD_GLOBAL before libllama, this definition takes precedence over the one in
 * libggml-base (dlopen(3), symbol lookup order). Everything but "host memory, value 0" goes to the
 * original. Where the platform resolves symbols otherwise it is simply never called.
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
