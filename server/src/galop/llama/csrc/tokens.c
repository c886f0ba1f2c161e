/* Which tokens of a vocabulary have a property: 49,152 calls from here cost what fifty cost from Python. */
#include "ggml_abi.h"

/* llama_vocab_is_eog and llama_vocab_get_attr, as llama.h declares them. */
typedef bool (*is_end_fn)(const void *vocab, int32_t token);
typedef int (*attributes_fn)(const void *vocab, int32_t token);

/* The ids of end-of-generation tokens, ascending, at most `num_tokens`. Returns how many. */
EXPORT int32_t galop_end_tokens(is_end_fn is_end, const void *vocab, int32_t num_tokens, int32_t *ids) {
    int32_t count = 0;
    for (int32_t token = 0; token < num_tokens; token++) {
        if (is_end(vocab, token)) {
            ids[count++] = token;
        }
    }
    return count;
}

/* The ids of tokens that have any of the attributes `mask`, ascending. Returns how many. */
EXPORT int32_t galop_tokens_with(attributes_fn attributes, int32_t mask, const void *vocab,
                                 int32_t num_tokens, int32_t *ids) {
    int32_t count = 0;
    for (int32_t token = 0; token < num_tokens; token++) {
        if (attributes(vocab, token) & mask) {
            ids[count++] = token;
        }
    }
    return count;
}
