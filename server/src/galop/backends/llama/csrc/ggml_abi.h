/* What these files know of ggml's insides, and nothing more.
 *
 * Copied by hand from ggml.h (public) and ggml-cpu-impl.h of ggml 0.25.3; tests/backends/llama/test_kernels.py
 * compares the offsets with the installed header, and library.py binds the kernels to that version only.
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
    int64_t ne[4]; /* elements per dimension, the fastest first */
    size_t nb[4];  /* strides in bytes */
    int op;        /* 0: not computed, such as weights */
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
    int ith, nth; /* this thread, number of threads */
    size_t wsize;
    void *wdata; /* shared scratch memory */
    void *threadpool;
    bool use_ref;
};

struct ggml_cplan { /* how a graph is to be computed */
    size_t work_size; /* of `ggml_compute_params.wdata` */
    void *work_data;
    int n_threads;
    void *threadpool;
    bool (*abort_callback)(void *);
    void *abort_callback_data;
    bool use_ref;
};

typedef void (*forward_fn)(const struct ggml_compute_params *, struct ggml_tensor *);

/* Addresses of the originals, filled in by galop_bind_kernels. */
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

/* Counts an operation, computed here or left to ggml; by one thread of those that compute it. */
void galop_count(const struct ggml_compute_params *params, bool is_own)
    __attribute__((visibility("hidden")));
