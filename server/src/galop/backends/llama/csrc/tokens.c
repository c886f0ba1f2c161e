/* Calls a function of llama.cpp for each token of a vocabulary. 49,152 calls from C take as long as 50 from
 * Python. */
#include "ggml_abi.h"

/* llama_vocab_is_eog, llama_vocab_get_attr and llama_token_to_piece, as llama.h declares them. */
typedef bool (*is_end_fn)(const void *vocab, int32_t token);
typedef int (*attributes_fn)(const void *vocab, int32_t token);
typedef int32_t (*piece_fn)(const void *vocab, int32_t token, char *buffer, int32_t length,
                            int32_t lstrip, bool special);

/* Writes the ids of end-of-generation tokens to `ids`, ascending; returns their number. */
EXPORT int32_t galop_end_tokens(is_end_fn is_end, const void *vocab, int32_t num_tokens, int32_t *ids) {
    int32_t count = 0;
    for (int32_t token = 0; token < num_tokens; token++) {
        if (is_end(vocab, token)) {
            ids[count++] = token;
        }
    }
    return count;
}

/* Writes the ids of tokens that have an attribute of `mask` to `ids`, ascending; returns their number. */
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

/* Writes the bytes of all tokens to `buffer`, at most `capacity` of them, and the end of each token in them to
 * `ends`. Control tokens have no bytes. Returns the number of bytes of all tokens. */
EXPORT int32_t galop_token_pieces(piece_fn piece, const void *vocab, int32_t num_tokens, int32_t *ends,
                                  char *buffer, int32_t capacity) {
    int32_t num_bytes = 0;
    for (int32_t token = 0; token < num_tokens; token++) {
        const int32_t room = capacity > num_bytes ? capacity - num_bytes : 0;
        const int32_t length = piece(vocab, token, buffer + (room ? num_bytes : 0), room, 0, false);
        num_bytes += length < 0 ? -length : length;
        ends[token] = num_bytes;
    }
    return num_bytes;
}
