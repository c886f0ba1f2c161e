/* The addresses of ggml's functions that our kernels replace, and a count of operations. */
#include "ggml_abi.h"

struct ggml_originals ggml;
bool galop_has_avx2;

static int64_t num_operations[2];

void galop_count(const struct ggml_compute_params *params, bool is_own) {
    if (params->ith == 0) {
        __atomic_fetch_add(&num_operations[is_own], 1, __ATOMIC_RELAXED);
    }
}

EXPORT int64_t galop_num_operations(bool is_own) {
    return __atomic_load_n(&num_operations[is_own], __ATOMIC_RELAXED);
}

/* `addresses`: in the order of `struct ggml_originals`. Returns 1 if this processor can run the kernels;
 * else 0, and every operation is left to the originals. */
EXPORT int galop_bind_kernels(void *const *addresses) {
    memcpy(&ggml, addresses, sizeof ggml);
    galop_has_avx2 = has_avx2();
    return galop_has_avx2;
}
