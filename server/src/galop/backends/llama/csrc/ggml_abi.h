/* The structures and functions of ggml that our kernels use.
 *
 * Copied from ggml 0.25.3: `ggml_tensor` from ggml.h, `ggml_cplan` from ggml-cpu.h, `ggml_compute_params` from
 * ggml-cpu-impl.h. server/tests/backends/llama/test_kernels.py compares the first two with the installed headers;
 * ggml-cpu-impl.h is not installed. kernels.py loads our library with that version of ggml only (`KNOWN_GGML`).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "simd.h"

enum { TYPE_F32 = 0, TYPE_F16 = 1, TYPE_Q4_1 = 3, TYPE_Q8_0 = 8 };

struct ggml_tensor {
    int type;
    void *buffer;
    int64_t ne[4]; /* elements per dimension, that with the smallest stride first */
    size_t nb[4];  /* strides in bytes */
    int op;        /* 0: none, as for weights */
    int32_t op_params[16];
    int32_t flags;
    struct ggml_tensor *src[10];
    struct ggml_tensor *view_src;
    size_t view_offs;
    void *data;
    char name[64];
    void *extra;
    char padding[8];
};

struct ggml_compute_params {
    int ith, nth; /* index of this thread, number of threads */
    size_t wsize; /* bytes of wdata */
    void *wdata;  /* scratch memory that the threads share */
    void *threadpool;
    bool use_ref;
};

struct ggml_cplan {   /* how a graph is computed */
    size_t work_size; /* bytes of ggml_compute_params.wdata */
    void *work_data;
    int n_threads;
    void *threadpool;
    bool (*abort_callback)(void *);
    void *abort_callback_data;
    bool use_ref;
};

typedef void (*forward_fn)(const struct ggml_compute_params *, struct ggml_tensor *);

/* Addresses of the functions of libggml that ours replace or call; set by galop_bind_kernels. */
struct ggml_originals {
    forward_fn mul_mat, flash_attn_ext;
    void (*buffer_free)(void *);
    void (*barrier)(void *);
    void (*chunk_set)(void *, int);
    int (*chunk_add)(void *, int);
    struct ggml_cplan (*graph_plan)(const void *, int, void *);
};

extern struct ggml_originals ggml __attribute__((visibility("hidden")));
extern bool galop_has_avx2 __attribute__((visibility("hidden")));

/* Counts an operation that our kernel computes (`is_own`) or leaves to ggml. All threads of it call this. */
void galop_count(const struct ggml_compute_params *params, bool is_own)
    __attribute__((visibility("hidden")));
