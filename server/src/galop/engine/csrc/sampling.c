/* The unscaled softmax of a row of logits, for engine/softmax.py: two passes, where numpy takes four and as
 * many arrays. */
#include "simd.h"

#include <math.h>
#include <stddef.h>

enum { BLOCK = 256 };

EXPORT int galop_can_compute_softmax(void) { return has_avx2(); }

AVX2 static float highest_logit(const float *logits, ptrdiff_t count) {
    __m256 a = _mm256_set1_ps(-INFINITY), b = a, c = a, d = a;
    ptrdiff_t i = 0;
    for (; i + 32 <= count; i += 32) {
        a = _mm256_max_ps(a, _mm256_loadu_ps(logits + i));
        b = _mm256_max_ps(b, _mm256_loadu_ps(logits + i + 8));
        c = _mm256_max_ps(c, _mm256_loadu_ps(logits + i + 16));
        d = _mm256_max_ps(d, _mm256_loadu_ps(logits + i + 24));
    }
    float highest = highest_of(_mm256_max_ps(_mm256_max_ps(a, b), _mm256_max_ps(c, d)));
    for (; i < count; i++) {
        highest = logits[i] > highest ? logits[i] : highest;
    }
    return highest;
}

/* Eight numbers from `values`; -inf for those after the end of the row. */
AVX2 INLINE __m256 load(const float *values, ptrdiff_t num_left) {
    if (num_left >= 8) {
        return _mm256_loadu_ps(values);
    }
    float padded[8];
    for (ptrdiff_t i = 0; i < 8; i++) {
        padded[i] = i < num_left ? values[i] : -INFINITY;
    }
    return _mm256_loadu_ps(padded);
}

AVX2 INLINE void store(float *to, __m256 values, ptrdiff_t num_left) {
    if (num_left >= 8) {
        _mm256_storeu_ps(to, values);
        return;
    }
    float padded[8];
    _mm256_storeu_ps(padded, values);
    for (ptrdiff_t i = 0; i < num_left; i++) {
        to[i] = padded[i];
    }
}

/* weights[i] = exp((logits[i] - highest) * inverse_temperature); sums[i] = the sum of the weights of blocks
 * 0 to i. A block has BLOCK weights, the last one may have fewer. At least one logit is finite. */
EXPORT AVX2 void galop_unscaled_softmax(const float *logits, ptrdiff_t count, float inverse_temperature,
                               float *weights, double *sums) {
    __m256 highest = _mm256_set1_ps(highest_logit(logits, count));
    __m256 factor = _mm256_set1_ps(inverse_temperature);
    double sum = 0;
    for (ptrdiff_t start = 0; start < count; start += BLOCK) {
        ptrdiff_t end = start + BLOCK < count ? start + BLOCK : count;
        __m256d low = _mm256_setzero_pd(), high = low;
        for (ptrdiff_t i = start; i < end; i += 8) {
            __m256 difference = _mm256_sub_ps(load(logits + i, end - i), highest);
            __m256 eight = exp_of(_mm256_mul_ps(difference, factor));
            store(weights + i, eight, end - i);
            low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(eight)));
            high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps(eight, 1)));
        }
        double four[4];
        _mm256_storeu_pd(four, _mm256_add_pd(low, high));
        sum += four[0] + four[1] + four[2] + four[3];
        *sums++ = sum;
    }
}
