/* Attention over an F16 KV cache with AVX2: softmax(scale * Q K^T + mask) V in one operation.
 *
 * A unit of work is one KV head of one sequence and a few rows of queries, with all query heads that
 * share the KV head: K and V are converted to F32 once for all of them. Tiles of 32 cells are computed in
 * order with a running maximum (Milakov and Gimelshein 2018; Rabe and Staats 2021); tiles that the mask
 * hides from a row are skipped. The result of a row is the same sequence of sums over its own cells
 * whatever else is in the batch, and however many cells the cache is padded to.
 */
#include "ggml_abi.h"

#include <math.h>

enum { CELLS = 32, MAX_QUERIES = 32, MAX_HEAD = 256 };

/* Cells are adjacent, with `size` floats each. At a distance of MAX_HEAD floats they would share few sets of
 * the first-level cache. */
struct tile {
    float k[CELLS * MAX_HEAD] __attribute__((aligned(32)));
    float v[CELLS * MAX_HEAD] __attribute__((aligned(32)));
    int64_t num_left; /* cells from the tile's first to the end of the cache, at most CELLS */
};

struct query {
    const float *q;
    const uint16_t *mask;
    int64_t num_cells; /* leading cells of the tile after which the mask hides all */
    float slope;
    float highest; /* running maximum of the scores */
    float total;   /* running sum of exp(score - highest) */
    float out[MAX_HEAD] __attribute__((aligned(32)));
};

struct shape {
    int64_t size_k, size_v; /* elements of a key and of a value of one head */
    float scale, softcap;
};

AVX2 INLINE float sum_of(__m256 values) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

/* The sums of four vectors, in order. */
AVX2 INLINE __m128 sums_of(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
}

AVX2 static void widen(float *to, const uint16_t *from, int64_t size) {
    for (int64_t i = 0; i < size; i += 8) {
        _mm256_store_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + i))));
    }
}

AVX2 INLINE void prefetch(const char *from, int64_t size) {
    for (int64_t i = 0; i < size * 2; i += 64) {
        _mm_prefetch(from + i, _MM_HINT_T0);
    }
}

/* The number of a tile's leading cells up to the last one that the mask shows; NULL hides none. */
AVX2 static int64_t visible_cells(const uint16_t *mask, int64_t num_cells) {
    if (mask == NULL) {
        return num_cells;
    }
    const __m256i hidden = _mm256_set1_epi16((short)0xFC00); /* -inf */
    if (num_cells == CELLS) {
        __m256i low = _mm256_cmpeq_epi16(_mm256_loadu_si256((const __m256i *)mask), hidden);
        __m256i high = _mm256_cmpeq_epi16(_mm256_loadu_si256((const __m256i *)mask + 1), hidden);
        __m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xD8);
        uint32_t visible = ~(uint32_t)_mm256_movemask_epi8(both);
        return visible == 0 ? 0 : CELLS - __builtin_clz(visible);
    }
    while (num_cells > 0 && mask[num_cells - 1] == 0xFC00) {
        num_cells--;
    }
    return num_cells;
}

/* scores[cell] = q . k[cell], eight cells at a time: enough independent sums for both FMA units. */
AVX2 INLINE void multiply_keys(const float *q, const struct tile *tile, int64_t num_cells,
                               int64_t size, float *scores) {
    for (int64_t t = 0; t < num_cells; t += 8) {
        __m256 sum[8];
        for (int j = 0; j < 8; j++) {
            sum[j] = _mm256_setzero_ps();
        }
        const float *k = tile->k + t * size;
        for (int64_t i = 0; i < size; i += 8) {
            __m256 x = _mm256_loadu_ps(q + i);
            for (int j = 0; j < 8; j++) {
                sum[j] = _mm256_fmadd_ps(x, _mm256_load_ps(k + j * size + i), sum[j]);
            }
        }
        _mm_store_ps(scores + t, sums_of(sum[0], sum[1], sum[2], sum[3]));
        _mm_store_ps(scores + t + 4, sums_of(sum[4], sum[5], sum[6], sum[7]));
    }
}

/* out[i .. i + 8 * count] = out * rescale + sum of weights[cell] * v[cell]; a cell has `size` floats. */
AVX2 INLINE void add_values(float *out, const struct tile *tile, const float *weights,
                            int64_t num_cells, float rescale, int64_t size, int64_t i, int count) {
    __m256 sum[8];
    for (int j = 0; j < count; j++) {
        sum[j] = _mm256_mul_ps(_mm256_load_ps(out + i + j * 8), _mm256_set1_ps(rescale));
    }
    for (int64_t t = 0; t < num_cells; t++) {
        __m256 weight = _mm256_broadcast_ss(weights + t);
        for (int j = 0; j < count; j++) {
            sum[j] = _mm256_fmadd_ps(weight, _mm256_load_ps(tile->v + t * size + i + j * 8), sum[j]);
        }
    }
    for (int j = 0; j < count; j++) {
        _mm256_store_ps(out + i + j * 8, sum[j]);
    }
}

/* Add one tile to the result of one query. `first`: the index of the tile's first cell. */
AVX2 static void attend(struct query *query, const struct tile *tile, int64_t first,
                        const struct shape *shape) {
    uint16_t padded[CELLS];
    const uint16_t *mask = query->mask == NULL ? NULL : query->mask + first;
    int64_t num_cells = query->num_cells;
    if (mask != NULL && tile->num_left < CELLS) { /* do not read beyond the end of the mask */
        mask = memcpy(padded, mask, tile->num_left * sizeof *mask);
    }
    float scores[CELLS] __attribute__((aligned(32)));
    if (shape->size_k == 64) {
        multiply_keys(query->q, tile, num_cells, 64, scores);
    } else {
        multiply_keys(query->q, tile, num_cells, shape->size_k, scores);
    }
    float factor = shape->scale;
    if (shape->softcap != 0.0f) {
        for (int64_t t = 0; t < num_cells; t++) {
            scores[t] = shape->softcap * tanhf(factor * scores[t]);
        }
        factor = 1.0f;
    }
    const __m256 scale = _mm256_set1_ps(factor), slope = _mm256_set1_ps(query->slope);
    const __m256 hidden = _mm256_set1_ps(-INFINITY);
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256 best = _mm256_set1_ps(query->highest);
    for (int t = 0; t < CELLS; t += 8) {
        __m256 score = _mm256_mul_ps(_mm256_load_ps(scores + t), scale);
        if (mask != NULL) {
            __m256 bias = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(mask + t)));
            score = _mm256_fmadd_ps(slope, bias, score);
        }
        __m256i is_cell = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)num_cells - t), lanes);
        score = _mm256_blendv_ps(hidden, score, _mm256_castsi256_ps(is_cell));
        _mm256_store_ps(scores + t, score);
        best = _mm256_max_ps(best, score);
    }
    float highest = highest_of(best);
    if (highest == -INFINITY) {
        return;
    }
    __m256 total = _mm256_setzero_ps();
    for (int t = 0; t < CELLS; t += 8) {
        __m256 weights =
            exp_of(_mm256_sub_ps(_mm256_load_ps(scores + t), _mm256_set1_ps(highest)));
        _mm256_store_ps(scores + t, weights);
        total = _mm256_add_ps(total, weights);
    }
    float rescale = expf(query->highest - highest);
    query->highest = highest;
    query->total = query->total * rescale + sum_of(total);
    int64_t i = 0;
    for (; i + 64 <= shape->size_v; i += 64) {
        add_values(query->out, tile, scores, num_cells, rescale, shape->size_v, i, 8);
    }
    for (; i < shape->size_v; i += 8) {
        add_values(query->out, tile, scores, num_cells, rescale, shape->size_v, i, 1);
    }
}

/* The slope of a head for attention with linear biases (Press et al. 2022). */
static float slope_of(float max_bias, int64_t head, int64_t num_heads) {
    if (max_bias <= 0.0f) {
        return 1.0f;
    }
    int64_t power = (int64_t)1 << (int)floor(log2((double)num_heads));
    if (head < power) {
        return powf(powf(2.0f, -max_bias / power), head + 1);
    }
    return powf(powf(2.0f, -max_bias / 2.0f / power), 2 * (head - power) + 1);
}

INLINE const char *at(const struct ggml_tensor *tensor, int64_t i1, int64_t i2, int64_t i3) {
    return (const char *)tensor->data + i1 * tensor->nb[1] + i2 * tensor->nb[2] + i3 * tensor->nb[3];
}

/* Rows [first, first + num_rows) of all query heads of KV head `kv_head` of one sequence. */
AVX2 static void attend_unit(const struct ggml_tensor *dst, const struct shape *shape,
                             int64_t sequence, int64_t kv_head, int64_t first, int64_t num_rows) {
    const struct ggml_tensor *q = dst->src[0], *k = dst->src[1], *v = dst->src[2];
    const struct ggml_tensor *mask = dst->src[3], *sinks = dst->src[4];
    int64_t num_heads = q->ne[2], group = num_heads / k->ne[2];
    int64_t num_queries = group * num_rows;
    float max_bias;
    memcpy(&max_bias, &dst->op_params[1], sizeof max_bias);
    struct query queries[MAX_QUERIES];
    struct tile tile;
    for (int64_t i = 0; i < num_queries; i++) {
        struct query *query = &queries[i];
        int64_t row = first + i / group, head = kv_head * group + i % group;
        query->q = (const float *)at(q, row, head, sequence);
        query->mask = mask == NULL ? NULL
                                   : (const uint16_t *)at(mask, row, head % mask->ne[2],
                                                          sequence % mask->ne[3]);
        query->slope = slope_of(max_bias, head, num_heads);
        query->highest = -INFINITY;
        query->total = 0.0f;
        memset(query->out, 0, shape->size_v * sizeof(float));
    }
    for (int64_t cell = 0; cell < k->ne[1]; cell += CELLS) {
        int64_t left_of_cache = k->ne[1] - cell, num_cells = 0;
        int64_t left = left_of_cache < CELLS ? left_of_cache : CELLS;
        for (int64_t i = 0; i < num_queries; i++) {
            struct query *query = &queries[i];
            query->num_cells = i > 0 && query->mask == query[-1].mask
                                   ? query[-1].num_cells
                                   : visible_cells(query->mask == NULL ? NULL : query->mask + cell, left);
            num_cells = query->num_cells > num_cells ? query->num_cells : num_cells;
        }
        for (int64_t t = 0; t < num_cells; t++) {
            if (t + CELLS < left_of_cache) { /* of the next tile */
                prefetch(at(k, cell + CELLS + t, kv_head, sequence), shape->size_k);
                prefetch(at(v, cell + CELLS + t, kv_head, sequence), shape->size_v);
            }
            widen(tile.k + t * shape->size_k, (const uint16_t *)at(k, cell + t, kv_head, sequence),
                  shape->size_k);
            widen(tile.v + t * shape->size_v, (const uint16_t *)at(v, cell + t, kv_head, sequence),
                  shape->size_v);
        }
        for (int64_t t = num_cells; t % 8 != 0; t++) {
            memset(tile.k + t * shape->size_k, 0, shape->size_k * sizeof(float));
        }
        tile.num_left = left;
        for (int64_t i = 0; i < num_queries; i++) {
            if (queries[i].num_cells > 0) {
                attend(&queries[i], &tile, cell, shape);
            }
        }
    }
    for (int64_t i = 0; i < num_queries; i++) {
        struct query *query = &queries[i];
        int64_t row = first + i / group, head = kv_head * group + i % group;
        float rescale = 1.0f;
        if (sinks != NULL) {
            float sink = ((const float *)sinks->data)[head];
            float highest = sink > query->highest ? sink : query->highest;
            rescale = expf(query->highest - highest);
            query->total = query->total * rescale + expf(sink - highest);
        }
        float factor = query->total == 0.0f ? 0.0f : rescale / query->total;
        float *out = (float *)at(dst, head, row, sequence);
        for (int64_t j = 0; j < shape->size_v; j += 8) {
            _mm256_storeu_ps(out + j,
                             _mm256_mul_ps(_mm256_load_ps(query->out + j), _mm256_set1_ps(factor)));
        }
    }
}

static bool is_head_size(int64_t size) {
    return size % 8 == 0 && size <= MAX_HEAD;
}

static bool can_attend(const struct ggml_compute_params *params, const struct ggml_tensor *dst) {
    const struct ggml_tensor *q = dst->src[0], *k = dst->src[1], *v = dst->src[2];
    return galop_has_avx2 && !params->use_ref && q->type == TYPE_F32 && k->type == TYPE_F16 &&
           v->type == TYPE_F16 && is_head_size(k->ne[0]) && is_head_size(v->ne[0]) &&
           q->nb[0] == sizeof(float) && k->nb[0] == 2 && v->nb[0] == 2 &&
           k->ne[2] == v->ne[2] && q->ne[3] == k->ne[3] && q->ne[3] == v->ne[3] &&
           q->ne[2] / k->ne[2] <= MAX_QUERIES;
}

EXPORT void ggml_compute_forward_flash_attn_ext(const struct ggml_compute_params *params,
                                                struct ggml_tensor *dst) {
    bool is_own = can_attend(params, dst);
    galop_count(params, is_own);
    if (!is_own) {
        ggml.flash_attn_ext(params, dst);
        return;
    }
    const struct ggml_tensor *q = dst->src[0], *k = dst->src[1], *v = dst->src[2];
    struct shape shape = {.size_k = k->ne[0], .size_v = v->ne[0]};
    memcpy(&shape.scale, &dst->op_params[0], sizeof(float));
    memcpy(&shape.softcap, &dst->op_params[2], sizeof(float));
    if (shape.softcap != 0.0f) {
        shape.scale /= shape.softcap;
    }
    if (params->ith == 0) {
        ggml.chunk_set(params->threadpool, params->nth);
    }
    ggml.barrier(params->threadpool);
    int64_t num_rows = q->ne[1], num_kv_heads = k->ne[2];
    int64_t rows_per_unit = MAX_QUERIES / (q->ne[2] / num_kv_heads);
    int64_t units_per_head = (num_rows + rows_per_unit - 1) / rows_per_unit;
    int64_t num_units = units_per_head * num_kv_heads * q->ne[3];
    for (int64_t unit = params->ith; unit < num_units;
         unit = ggml.chunk_add(params->threadpool, 1)) {
        int64_t first = unit % units_per_head * rows_per_unit;
        int64_t count = num_rows - first < rows_per_unit ? num_rows - first : rows_per_unit;
        int64_t head = unit / units_per_head;
        attend_unit(dst, &shape, head / num_kv_heads, head % num_kv_heads, first, count);
    }
}
