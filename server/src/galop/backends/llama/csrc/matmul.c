/* Matrix multiplication with quantised weights, with AVX2.
 *
 * llama.cpp computes a dot product for each row of Q4_1 or Q8_0 weights and each column: each of them unpacks
 * its weights and ends in a horizontal sum, so eight columns take eight times as long as one. Here sixteen
 * rows are interleaved to a panel, one vector lane holds one row, weights are unpacked once for up to four
 * columns, and there are no sums across lanes.
 *
 *     panel, one block of 32 columns of 16 rows:
 *         scales, 16 x f16   (Q4_1: and 16 x f16 minima)
 *         groups of 4 weights: rows 0-7, rows 8-15; Q4_1 keeps group g in the low and g + 4 in the
 *         high half of a byte, as its blocks do
 *
 * Weights are packed to panels when they are first used; packing changes neither their size nor their
 * values. Results differ from llama.cpp's by rounding: the order of the sums, and scales of activations with
 * 32 bits. The order of the sums does not depend on the columns, so a column has the same bits in any batch.
 *
 * This library is loaded with RTLD_GLOBAL before libggml-cpu, so these definitions take precedence over those
 * there (dlopen(3), symbol lookup order). They call the originals for tensors that they do not support.
 */
#define _GNU_SOURCE
#include "ggml_abi.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef struct { uint16_t d, m; uint8_t qs[16]; } block_q4_1;
typedef struct { uint16_t d; int8_t qs[32]; } block_q8_0;

enum { BLOCK = 32, ROWS = 16, MAX_COLUMNS = 4 };

typedef struct { uint16_t d[ROWS], m[ROWS]; uint8_t qs[4][2][32]; } panel_q4_1;
typedef struct { uint16_t d[ROWS]; int8_t qs[8][2][32]; } panel_q8_0;

/* Panels are allocated in arenas. An arena is freed together with the ggml buffer of the original weights.
 * Arenas use huge pages if the system has them (madvise(2)): filling 100 MB of small pages takes 24,000
 * page faults. */

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
    madvise(start, size, MADV_HUGEPAGE); /* if it fails, the pages are small ones */
    *arena = (struct arena){arenas, buffer, start, size, 0};
    arenas = arena;
    return arena;
}

static void *allocate_panels(struct ggml_tensor *weights, size_t size) {
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

/* The panels of `weights`; NULL if there is no memory for them. All threads of the operation call this. Not
 * for two graphs that are computed at the same time: their threads would share `shared`. */
static char *panels_of(const struct ggml_compute_params *params, struct ggml_tensor *weights) {
    if (weights->extra != NULL) {
        return weights->extra;
    }
    static void *shared;
    ggml.barrier(params->threadpool); /* all threads have read weights->extra */
    if (params->ith == 0) {
        shared = allocate_panels(weights, weights->nb[1] * (size_t)weights->ne[1]);
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

/* Activations are quantised to 8 bits in blocks of 32 with a scale, as in llama.cpp but with scales of 32
 * bits. Up to four columns are interleaved, so that a kernel reads them in one stream:
 *
 *     one block of `width` columns:
 *         scales, width x f32   (for Q4_1: and width x f32, scale times the sum of the block)
 *         8 groups of 4 values of each column
 */
INLINE size_t column_block_size(bool has_sums) {
    return (has_sums ? 2 : 1) * sizeof(float) + BLOCK;
}

AVX2 INLINE void quantize_block(const float *from, char *to, bool has_sums, int64_t width, int64_t c) {
    __m256 x[4];
    const __m256 sign = _mm256_set1_ps(-0.0f);
    __m256 largest = _mm256_setzero_ps();
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_loadu_ps(from + i * 8);
        largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, x[i]));
    }
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(largest), _mm256_extractf128_ps(largest, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    four = _mm_max_ss(four, _mm_movehdup_ps(four));
    float highest = _mm_cvtss_f32(four), scale = highest / 127.0f;
    const __m256 factor = _mm256_set1_ps(highest == 0.0f ? 0.0f : 127.0f / highest);
    float *scales = (float *)to;
    char *groups = to + (has_sums ? 2 : 1) * width * sizeof(float) + c * 4;
    __m256i sum = _mm256_setzero_si256();
    for (int i = 0; i < 4; i++) {
        __m256i q = _mm256_cvtps_epi32(_mm256_mul_ps(x[i], factor)); /* rounds to nearest */
        sum = _mm256_add_epi32(sum, q);
        q = _mm256_packs_epi32(q, q);
        q = _mm256_packs_epi16(q, q);
        int32_t low = _mm256_extract_epi32(q, 0), high = _mm256_extract_epi32(q, 4);
        memcpy(groups + (2 * i) * width * 4, &low, 4);
        memcpy(groups + (2 * i + 1) * width * 4, &high, 4);
    }
    scales[c] = scale;
    if (has_sums) {
        __m128i two = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
        two = _mm_add_epi32(two, _mm_unpackhi_epi64(two, two));
        two = _mm_add_epi32(two, _mm_shuffle_epi32(two, 1));
        scales[width + c] = scale * (float)_mm_cvtsi128_si32(two);
    }
}

/* Quantise blocks [first, last) of all columns: the share of one thread. */
AVX2 static void quantize(const struct ggml_tensor *x, char *to, bool has_sums, int64_t first,
                          int64_t last) {
    int64_t num_columns = x->ne[1], num_blocks = x->ne[0] / BLOCK;
    size_t block_size = column_block_size(has_sums);
    for (int64_t c = 0; c < num_columns; c++) {
        int64_t left = num_columns - c / MAX_COLUMNS * MAX_COLUMNS;
        int64_t width = left < MAX_COLUMNS ? left : MAX_COLUMNS;
        char *group = to + c / MAX_COLUMNS * MAX_COLUMNS * num_blocks * block_size;
        const float *from = (const float *)((const char *)x->data + c * x->nb[1]);
        for (int64_t b = first; b < last; b++) {
            quantize_block(from + b * BLOCK, group + b * width * block_size, has_sums, width,
                           c % MAX_COLUMNS);
        }
    }
}

/* The kernels: one panel times `width` columns. They are inlined with a constant `width`, so that the loops
 * over columns are unrolled. */

AVX2 INLINE __m256 scales(const uint16_t *values) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)values));
}

AVX2 INLINE __m256i broadcast4(const char *values) {
    int32_t four;
    memcpy(&four, values, 4);
    return _mm256_set1_epi32(four);
}

/* Makes gcc compute `sum` here. Otherwise it keeps all products of a block in memory and adds them as a tree
 * at the end, which takes 1.5 times as long. */
#define COMPUTE_NOW(sum) __asm__("" : "+x"(sum))

AVX2 INLINE void times_q4_1(const panel_q4_1 *panel, int64_t num_blocks, const char *columns,
                            int width, float *out, size_t out_stride) {
    const __m256i low = _mm256_set1_epi8(15);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 total[MAX_COLUMNS][2];
    for (int c = 0; c < width; c++) {
        total[c][0] = total[c][1] = _mm256_setzero_ps();
    }
    for (int64_t b = 0; b < num_blocks; b++, panel++) {
        const float *d_x = (const float *)columns, *s_x = d_x + width;
        const char *x = (const char *)(s_x + width);
        /* A lane sums 16 products of a block: at most 16 * 15 * 127 = 30,480, which fits 16 bits. */
        __m256i sum[MAX_COLUMNS][2];
        for (int c = 0; c < width; c++) {
            sum[c][0] = sum[c][1] = _mm256_setzero_si256();
        }
        for (int g = 0; g < 4; g++, x += width * 4) {
            __m256i packed0 = _mm256_loadu_si256((const __m256i *)panel->qs[g][0]);
            __m256i packed1 = _mm256_loadu_si256((const __m256i *)panel->qs[g][1]);
            __m256i w0 = _mm256_and_si256(packed0, low), w1 = _mm256_and_si256(packed1, low);
            for (int c = 0; c < width; c++) {
                __m256i x0 = broadcast4(x + c * 4);
                sum[c][0] = _mm256_add_epi16(sum[c][0], _mm256_maddubs_epi16(w0, x0));
                sum[c][1] = _mm256_add_epi16(sum[c][1], _mm256_maddubs_epi16(w1, x0));
                COMPUTE_NOW(sum[c][0]);
                COMPUTE_NOW(sum[c][1]);
            }
            w0 = _mm256_and_si256(_mm256_srli_epi16(packed0, 4), low);
            w1 = _mm256_and_si256(_mm256_srli_epi16(packed1, 4), low);
            for (int c = 0; c < width; c++) {
                __m256i x1 = broadcast4(x + (4 * width + c) * 4);
                sum[c][0] = _mm256_add_epi16(sum[c][0], _mm256_maddubs_epi16(w0, x1));
                sum[c][1] = _mm256_add_epi16(sum[c][1], _mm256_maddubs_epi16(w1, x1));
                COMPUTE_NOW(sum[c][0]);
                COMPUTE_NOW(sum[c][1]);
            }
        }
        for (int half = 0; half < 2; half++) {
            __m256 d = scales(&panel->d[half * 8]);
            __m256 m = scales(&panel->m[half * 8]);
            for (int c = 0; c < width; c++) {
                __m256 products = _mm256_cvtepi32_ps(_mm256_madd_epi16(sum[c][half], ones));
                products = _mm256_mul_ps(products, d);
                total[c][half] = _mm256_fmadd_ps(_mm256_broadcast_ss(d_x + c), products, total[c][half]);
                total[c][half] = _mm256_fmadd_ps(_mm256_broadcast_ss(s_x + c), m, total[c][half]);
            }
        }
        columns += width * column_block_size(true);
    }
    for (int c = 0; c < width; c++) {
        _mm256_storeu_ps(out + c * out_stride, total[c][0]);
        _mm256_storeu_ps(out + c * out_stride + 8, total[c][1]);
    }
}

AVX2 INLINE void times_q8_0(const panel_q8_0 *panel, int64_t num_blocks, const char *columns,
                            int width, float *out, size_t out_stride) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 total[MAX_COLUMNS][2];
    for (int c = 0; c < width; c++) {
        total[c][0] = total[c][1] = _mm256_setzero_ps();
    }
    for (int64_t b = 0; b < num_blocks; b++, panel++) {
        const float *d_x = (const float *)columns;
        const char *x = (const char *)(d_x + width);
        __m256i sum[MAX_COLUMNS][2];
        for (int c = 0; c < width; c++) {
            sum[c][0] = sum[c][1] = _mm256_setzero_si256();
        }
        for (int g = 0; g < 8; g++, x += width * 4) {
            for (int half = 0; half < 2; half++) {
                /* The first operand of maddubs is unsigned: |w| times x with the sign of w. */
                __m256i w = _mm256_loadu_si256((const __m256i *)panel->qs[g][half]);
                __m256i magnitude = _mm256_abs_epi8(w);
                for (int c = 0; c < width; c++) {
                    __m256i signed_x = _mm256_sign_epi8(broadcast4(x + c * 4), w);
                    __m256i pairs = _mm256_maddubs_epi16(magnitude, signed_x);
                    sum[c][half] = _mm256_add_epi32(sum[c][half], _mm256_madd_epi16(pairs, ones));
                    COMPUTE_NOW(sum[c][half]);
                }
            }
        }
        for (int half = 0; half < 2; half++) {
            __m256 d = scales(&panel->d[half * 8]);
            for (int c = 0; c < width; c++) {
                __m256 products = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[c][half]), d);
                total[c][half] = _mm256_fmadd_ps(_mm256_broadcast_ss(d_x + c), products, total[c][half]);
            }
        }
        columns += width * column_block_size(false);
    }
    for (int c = 0; c < width; c++) {
        _mm256_storeu_ps(out + c * out_stride, total[c][0]);
        _mm256_storeu_ps(out + c * out_stride + 8, total[c][1]);
    }
}

#define DEFINE_KERNELS(type, has_sums)                                                            \
    AVX2 static void panel_times_##type(const void *panel, int64_t num_blocks, const char *columns, \
                                        int64_t num_columns, float *out, size_t out_stride) {     \
        size_t column_size = num_blocks * column_block_size(has_sums);                            \
        int64_t c = 0;                                                                            \
        for (; c + 4 <= num_columns; c += 4) {                                                    \
            times_##type(panel, num_blocks, columns + c * column_size, 4, out + c * out_stride,   \
                         out_stride);                                                             \
        }                                                                                         \
        columns += c * column_size;                                                               \
        out += c * out_stride;                                                                    \
        switch (num_columns - c) {                                                                \
        case 3: times_##type(panel, num_blocks, columns, 3, out, out_stride); break;              \
        case 2: times_##type(panel, num_blocks, columns, 2, out, out_stride); break;              \
        case 1: times_##type(panel, num_blocks, columns, 1, out, out_stride); break;              \
        }                                                                                         \
    }

DEFINE_KERNELS(q4_1, true)
DEFINE_KERNELS(q8_0, false)

/* Our quantised activations need more scratch memory than llama.cpp's: 40 bytes a block instead of 36. */
EXPORT struct ggml_cplan ggml_graph_plan(const void *graph, int num_threads, void *threadpool) {
    struct ggml_cplan plan = ggml.graph_plan(graph, num_threads, threadpool);
    plan.work_size += plan.work_size / 8;
    return plan;
}

static bool can_multiply(const struct ggml_compute_params *params, const struct ggml_tensor *dst) {
    const struct ggml_tensor *weights = dst->src[0], *x = dst->src[1];
    return galop_has_avx2 && !params->use_ref && dst->op_params[1] == 0 &&
           (weights->type == TYPE_Q4_1 || weights->type == TYPE_Q8_0) && weights->op == 0 &&
           weights->view_src == NULL && weights->ne[2] == 1 && weights->ne[3] == 1 &&
           weights->ne[0] % BLOCK == 0 && weights->ne[1] % ROWS == 0 && x->type == TYPE_F32 &&
           x->nb[0] == sizeof(float) && x->ne[2] == 1 && x->ne[3] == 1 && dst->type == TYPE_F32 &&
           dst->nb[0] == sizeof(float) &&
           params->wsize >= x->ne[1] * (x->ne[0] / BLOCK) * column_block_size(weights->type == TYPE_Q4_1);
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
    quantize(x, params->wdata, is_q4_1, num_blocks * params->ith / params->nth,
             num_blocks * (params->ith + 1) / params->nth);
    if (params->ith == 0) {
        ggml.chunk_set(params->threadpool, params->nth);
    }
    ggml.barrier(params->threadpool);

    /* Each thread takes the next chunk when it is done with one, so a thread that has lost its core delays the
     * others by one chunk at most. */
    int64_t num_panels = weights->ne[1] / ROWS;
    int64_t chunk = params->nth == 1 ? num_panels : (num_panels + params->nth * 6 - 1) / (params->nth * 6);
    size_t panel_size = weights->nb[1] * ROWS;
    size_t out_stride = dst->nb[1] / sizeof(float);
    for (int64_t i = params->ith * chunk; i < num_panels;
         i = (int64_t)ggml.chunk_add(params->threadpool, 1) * chunk) {
        int64_t end = i + chunk < num_panels ? i + chunk : num_panels;
        for (int64_t p = i; p < end; p++) {
            (is_q4_1 ? panel_times_q4_1 : panel_times_q8_0)(
                panels + p * panel_size, num_blocks, params->wdata, num_columns,
                (float *)dst->data + p * ROWS, out_stride);
        }
    }
}
