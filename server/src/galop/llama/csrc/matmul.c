/* Matrix multiplication with quantised weights, for AVX2.
 *
 * llama.cpp multiplies Q4_1 and Q8_0 weights row by row and column by column: every dot product
 * unpacks its weights again and ends in a horizontal sum, so eight sequences cost eight times one.
 * Here sixteen rows lie interleaved ("a panel"), one vector lane holds one row, unpacked weights serve
 * up to four columns, and nothing is summed across lanes.
 *
 *     panel, one block of 32 columns of 16 rows:
 *         scales, 16 x f16   (Q4_1: and 16 x f16 minima)
 *         groups of 4 weights: rows 0-7, rows 8-15; Q4_1 keeps group g in the low and g + 4 in the
 *         high half of a byte, as its blocks do
 *
 * Weights are packed when they are first used; size and values stay the same. Activations are
 * quantised by llama.cpp's own functions, so only the order of the sums differs from its results.
 * That order depends on nothing but the row: a column has the same bits alone and in any batch.
 *
 * Loaded with RTLD_GLOBAL before libggml-cpu, these definitions take precedence over its own
 * (dlopen(3), symbol lookup order). Whatever they do not handle goes to the originals.
 */
#define _GNU_SOURCE
#include "ggml_abi.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef struct { uint16_t d, m; uint8_t qs[16]; } block_q4_1;
typedef struct { uint16_t d; int8_t qs[32]; } block_q8_0;
typedef struct { uint16_t d, s; int8_t qs[32]; } block_q8_1;

enum { BLOCK = 32, ROWS = 16, MAX_COLUMNS = 4 };

typedef struct { uint16_t d[ROWS], m[ROWS]; uint8_t qs[4][2][32]; } panel_q4_1;
typedef struct { uint16_t d[ROWS]; int8_t qs[8][2][32]; } panel_q8_0;

/* Packed weights lie one after the other in arenas, which go when the buffer of their originals goes.
 * Arenas are made of huge pages where the system has them (madvise(2)): filling 100 MB of small ones
 * takes 24,000 page faults. */

enum { HUGE_PAGE = 2 << 20, ARENA = 32 << 20, ALIGNMENT = 64 };

struct arena {
    struct arena *next;
    void *buffer;
    char *start;
    size_t size, used;
};

static struct arena *arenas;
static atomic_flag list_lock = ATOMIC_FLAG_INIT;

static void lock_list(void) {
    while (atomic_flag_test_and_set(&list_lock)) {
    }
}

static struct arena *new_arena(void *buffer, size_t size) {
    struct arena *arena = malloc(sizeof *arena);
    void *start = NULL;
    size = size < ARENA ? ARENA : (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    if (arena == NULL || posix_memalign(&start, HUGE_PAGE, size) != 0) {
        free(arena);
        return NULL;
    }
    madvise(start, size, MADV_HUGEPAGE); /* small ones do as well */
    *arena = (struct arena){arenas, buffer, start, size, 0};
    arenas = arena;
    return arena;
}

static void *add_packed(struct ggml_tensor *weights, size_t size) {
    lock_list();
    struct arena *arena = arenas;
    while (arena != NULL && (arena->buffer != weights->buffer || arena->size - arena->used < size)) {
        arena = arena->next;
    }
    if (arena == NULL) {
        arena = new_arena(weights->buffer, size);
    }
    void *panels = NULL;
    if (arena != NULL) {
        panels = arena->start + arena->used;
        arena->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        arena->used = arena->used < arena->size ? arena->used : arena->size;
    }
    atomic_flag_clear(&list_lock);
    return panels;
}

EXPORT void ggml_backend_buffer_free(void *buffer) {
    lock_list();
    for (struct arena **link = &arenas; *link != NULL;) {
        struct arena *arena = *link;
        if (buffer != NULL && arena->buffer == buffer) {
            *link = arena->next;
            free(arena->start);
            free(arena);
        } else {
            link = &arena->next;
        }
    }
    atomic_flag_clear(&list_lock);
    ggml.buffer_free(buffer);
}

static void pack_q4_1(panel_q4_1 *panel, const char *rows, size_t stride, int64_t num_blocks) {
    for (int64_t b = 0; b < num_blocks; b++, panel++) {
        for (int row = 0; row < ROWS; row++) {
            const block_q4_1 *block = (const block_q4_1 *)(rows + row * stride) + b;
            panel->d[row] = block->d;
            panel->m[row] = block->m;
            for (int g = 0; g < 4; g++) {
                memcpy(&panel->qs[g][row / 8][row % 8 * 4], &block->qs[g * 4], 4);
            }
        }
    }
}

static void pack_q8_0(panel_q8_0 *panel, const char *rows, size_t stride, int64_t num_blocks) {
    for (int64_t b = 0; b < num_blocks; b++, panel++) {
        for (int row = 0; row < ROWS; row++) {
            const block_q8_0 *block = (const block_q8_0 *)(rows + row * stride) + b;
            panel->d[row] = block->d;
            for (int g = 0; g < 8; g++) {
                memcpy(&panel->qs[g][row / 8][row % 8 * 4], &block->qs[g * 4], 4);
            }
        }
    }
}

/* The panels of `weights`; NULL if there is no memory for them. Called by all threads together. */
static char *panels_of(const struct ggml_compute_params *params, struct ggml_tensor *weights) {
    if (weights->extra != NULL) {
        return weights->extra;
    }
    static void *shared;
    ggml.barrier(params->threadpool); /* all have seen that there are none */
    if (params->ith == 0) {
        shared = add_packed(weights, weights->nb[1] * (size_t)weights->ne[1]);
    }
    ggml.barrier(params->threadpool);
    char *panels = shared;
    if (panels == NULL) {
        return NULL;
    }
    int64_t num_blocks = weights->ne[0] / BLOCK;
    size_t panel_size = weights->nb[1] * ROWS;
    for (int64_t i = params->ith; i < weights->ne[1] / ROWS; i += params->nth) {
        const char *rows = (const char *)weights->data + i * panel_size;
        if (weights->type == TYPE_Q4_1) {
            pack_q4_1((panel_q4_1 *)(panels + i * panel_size), rows, weights->nb[1], num_blocks);
        } else {
            pack_q8_0((panel_q8_0 *)(panels + i * panel_size), rows, weights->nb[1], num_blocks);
        }
    }
    ggml.barrier(params->threadpool);
    if (params->ith == 0) {
        weights->extra = panels;
    }
    return panels;
}

/* The kernels: one panel times `num_columns` columns. `num_columns` is a constant where they are
 * inlined, so the loops over columns unroll. */

AVX2 INLINE __m256 scales(const uint16_t *values) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)values));
}

AVX2 INLINE __m256 scale(uint16_t value) {
    return _mm256_cvtph_ps(_mm_set1_epi16((short)value));
}

AVX2 INLINE __m256i broadcast4(const int8_t *values) {
    int32_t four;
    memcpy(&four, values, 4);
    return _mm256_set1_epi32(four);
}

AVX2 INLINE void times_q4_1(const panel_q4_1 *panel, int64_t num_blocks, const char *columns,
                            size_t column_size, int num_columns, float *out, size_t out_stride) {
    const __m256i low = _mm256_set1_epi8(15);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 total[MAX_COLUMNS][2];
    for (int c = 0; c < num_columns; c++) {
        total[c][0] = total[c][1] = _mm256_setzero_ps();
    }
    for (int64_t b = 0; b < num_blocks; b++, panel++) {
        /* 16 bits hold the sum of a block's 32 products: 2 * 15 * 127 * 8 = 30,480. */
        __m256i sum[MAX_COLUMNS][2];
        for (int c = 0; c < num_columns; c++) {
            sum[c][0] = sum[c][1] = _mm256_setzero_si256();
        }
        for (int g = 0; g < 4; g++) {
            __m256i packed0 = _mm256_loadu_si256((const __m256i *)panel->qs[g][0]);
            __m256i packed1 = _mm256_loadu_si256((const __m256i *)panel->qs[g][1]);
            __m256i low0 = _mm256_and_si256(packed0, low);
            __m256i low1 = _mm256_and_si256(packed1, low);
            __m256i high0 = _mm256_and_si256(_mm256_srli_epi16(packed0, 4), low);
            __m256i high1 = _mm256_and_si256(_mm256_srli_epi16(packed1, 4), low);
            for (int c = 0; c < num_columns; c++) {
                const block_q8_1 *x = (const block_q8_1 *)(columns + c * column_size) + b;
                __m256i x0 = broadcast4(&x->qs[g * 4]);
                sum[c][0] = _mm256_add_epi16(sum[c][0], _mm256_maddubs_epi16(low0, x0));
                sum[c][1] = _mm256_add_epi16(sum[c][1], _mm256_maddubs_epi16(low1, x0));
                __m256i x1 = broadcast4(&x->qs[g * 4 + 16]);
                sum[c][0] = _mm256_add_epi16(sum[c][0], _mm256_maddubs_epi16(high0, x1));
                sum[c][1] = _mm256_add_epi16(sum[c][1], _mm256_maddubs_epi16(high1, x1));
            }
        }
        for (int half = 0; half < 2; half++) {
            __m256 d = scales(&panel->d[half * 8]);
            __m256 m = scales(&panel->m[half * 8]);
            for (int c = 0; c < num_columns; c++) {
                const block_q8_1 *x = (const block_q8_1 *)(columns + c * column_size) + b;
                __m256 products = _mm256_cvtepi32_ps(_mm256_madd_epi16(sum[c][half], ones));
                total[c][half] =
                    _mm256_fmadd_ps(_mm256_mul_ps(d, scale(x->d)), products, total[c][half]);
                total[c][half] = _mm256_fmadd_ps(m, scale(x->s), total[c][half]);
            }
        }
    }
    for (int c = 0; c < num_columns; c++) {
        _mm256_storeu_ps(out + c * out_stride, total[c][0]);
        _mm256_storeu_ps(out + c * out_stride + 8, total[c][1]);
    }
}

AVX2 INLINE void times_q8_0(const panel_q8_0 *panel, int64_t num_blocks, const char *columns,
                            size_t column_size, int num_columns, float *out, size_t out_stride) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 total[MAX_COLUMNS][2];
    for (int c = 0; c < num_columns; c++) {
        total[c][0] = total[c][1] = _mm256_setzero_ps();
    }
    for (int64_t b = 0; b < num_blocks; b++, panel++) {
        __m256i sum[MAX_COLUMNS][2];
        for (int c = 0; c < num_columns; c++) {
            sum[c][0] = sum[c][1] = _mm256_setzero_si256();
        }
        for (int g = 0; g < 8; g++) {
            for (int half = 0; half < 2; half++) {
                /* maddubs wants one side unsigned: |w| times x with the sign of w. */
                __m256i w = _mm256_loadu_si256((const __m256i *)panel->qs[g][half]);
                __m256i magnitude = _mm256_abs_epi8(w);
                for (int c = 0; c < num_columns; c++) {
                    const block_q8_0 *x = (const block_q8_0 *)(columns + c * column_size) + b;
                    __m256i signed_x = _mm256_sign_epi8(broadcast4(&x->qs[g * 4]), w);
                    __m256i pairs = _mm256_maddubs_epi16(magnitude, signed_x);
                    sum[c][half] = _mm256_add_epi32(sum[c][half], _mm256_madd_epi16(pairs, ones));
                }
            }
        }
        for (int half = 0; half < 2; half++) {
            __m256 d = scales(&panel->d[half * 8]);
            for (int c = 0; c < num_columns; c++) {
                const block_q8_0 *x = (const block_q8_0 *)(columns + c * column_size) + b;
                total[c][half] = _mm256_fmadd_ps(_mm256_mul_ps(d, scale(x->d)),
                                                 _mm256_cvtepi32_ps(sum[c][half]), total[c][half]);
            }
        }
    }
    for (int c = 0; c < num_columns; c++) {
        _mm256_storeu_ps(out + c * out_stride, total[c][0]);
        _mm256_storeu_ps(out + c * out_stride + 8, total[c][1]);
    }
}

#define DEFINE_KERNELS(type)                                                                      \
    AVX2 static void panel_times_##type(const void *panel, int64_t num_blocks, const char *columns, \
                                        size_t column_size, int64_t num_columns, float *out,      \
                                        size_t out_stride) {                                      \
        int64_t c = 0;                                                                            \
        for (; c + 4 <= num_columns; c += 4) {                                                    \
            times_##type(panel, num_blocks, columns + c * column_size, column_size, 4,            \
                         out + c * out_stride, out_stride);                                       \
        }                                                                                         \
        columns += c * column_size;                                                               \
        out += c * out_stride;                                                                    \
        switch (num_columns - c) {                                                                \
        case 3: times_##type(panel, num_blocks, columns, column_size, 3, out, out_stride); break; \
        case 2: times_##type(panel, num_blocks, columns, column_size, 2, out, out_stride); break; \
        case 1: times_##type(panel, num_blocks, columns, column_size, 1, out, out_stride); break; \
        }                                                                                         \
    }

DEFINE_KERNELS(q4_1)
DEFINE_KERNELS(q8_0)

/* The operation. */

static bool can_multiply(const struct ggml_compute_params *params, const struct ggml_tensor *dst) {
    const struct ggml_tensor *weights = dst->src[0], *x = dst->src[1];
    return galop_has_avx2 && !params->use_ref && dst->op_params[1] == 0 &&
           (weights->type == TYPE_Q4_1 || weights->type == TYPE_Q8_0) && weights->op == 0 &&
           weights->view_src == NULL && weights->ne[2] == 1 && weights->ne[3] == 1 &&
           weights->ne[0] % BLOCK == 0 && weights->ne[1] % ROWS == 0 && x->type == TYPE_F32 &&
           x->nb[0] == sizeof(float) && x->ne[2] == 1 && x->ne[3] == 1 && dst->type == TYPE_F32 &&
           dst->nb[0] == sizeof(float);
}

EXPORT void ggml_compute_forward_mul_mat(const struct ggml_compute_params *params,
                                         struct ggml_tensor *dst) {
    char *panels = NULL;
    struct ggml_tensor *weights = dst->src[0], *x = dst->src[1];
    if (can_multiply(params, dst)) {
        panels = panels_of(params, weights);
    }
    galop_count(params, panels != NULL);
    if (panels == NULL) {
        ggml.mul_mat(params, dst);
        return;
    }
    bool is_q4_1 = weights->type == TYPE_Q4_1;
    int64_t num_blocks = weights->ne[0] / BLOCK, num_columns = x->ne[1];
    size_t block_size = is_q4_1 ? sizeof(block_q8_1) : sizeof(block_q8_0);
    size_t column_size = num_blocks * block_size;
    from_float_fn quantize = is_q4_1 ? ggml.quantize_q8_1 : ggml.quantize_q8_0;

    int64_t first = num_blocks * params->ith / params->nth;
    int64_t last = num_blocks * (params->ith + 1) / params->nth;
    for (int64_t c = 0; c < num_columns; c++) {
        const float *from = (const float *)((const char *)x->data + c * x->nb[1]) + first * BLOCK;
        char *to = (char *)params->wdata + c * column_size + first * block_size;
        quantize(from, to, (last - first) * BLOCK);
    }
    if (params->ith == 0) {
        ggml.chunk_set(params->threadpool, params->nth);
    }
    ggml.barrier(params->threadpool);

    /* Threads take panels as they come: one that has lost its core holds up no more than a chunk. */
    int64_t num_panels = weights->ne[1] / ROWS;
    int64_t chunk = params->nth == 1 ? num_panels : (num_panels + params->nth * 6 - 1) / (params->nth * 6);
    size_t panel_size = weights->nb[1] * ROWS;
    size_t out_stride = dst->nb[1] / sizeof(float);
    for (int64_t i = params->ith * chunk; i < num_panels;
         i = (int64_t)ggml.chunk_add(params->threadpool, 1) * chunk) {
        int64_t end = i + chunk < num_panels ? i + chunk : num_panels;
        for (int64_t p = i; p < end; p++) {
            (is_q4_1 ? panel_times_q4_1 : panel_times_q8_0)(
                panels + p * panel_size, num_blocks, params->wdata, column_size, num_columns,
                (float *)dst->data + p * ROWS, out_stride);
        }
    }
}
