#pragma once

#include <bit>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Finding the ends of values in JSON that is known to be valid. Every function may read up to 15 bytes past
/// the byte it finds: the text must be followed by that much readable padding.
namespace chatcore::protocol {

#if defined(__SSE2__)

inline const char* find_quote_or_backslash(const char* p) noexcept {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (;; p += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hits));
    if (mask != 0) return p + std::countr_zero(mask);
  }
}

inline const char* find_quote_or_bracket(const char* p) noexcept {
  const __m128i quote = _mm_set1_epi8('"');
  // The bit apart in '[' and '{', and in ']' and '}'.
  const __m128i fold = _mm_set1_epi8(0x20);
  const __m128i open = _mm_set1_epi8('{');
  const __m128i close = _mm_set1_epi8('}');
  for (;; p += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i folded = _mm_or_si128(block, fold);
    const __m128i brackets = _mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close));
    const __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(block, quote), brackets);
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hits));
    if (mask != 0) return p + std::countr_zero(mask);
  }
}

#else

inline const char* find_quote_or_backslash(const char* p) noexcept {
  while (*p != '"' && *p != '\\') ++p;
  return p;
}

inline const char* find_quote_or_bracket(const char* p) noexcept {
  while (*p != '"' && *p != '[' && *p != '{' && *p != ']' && *p != '}') ++p;
  return p;
}

#endif

inline bool is_json_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

inline const char* skip_spaces(const char* p) noexcept {
  while (is_json_space(*p)) ++p;
  return p;
}

/// Back to behind the last byte that is not a space; there must be one.
inline const char* trim_spaces(const char* end) noexcept {
  while (is_json_space(end[-1])) --end;
  return end;
}

/// From a string's opening quote to behind its closing one.
inline const char* skip_string(const char* p) noexcept {
  ++p;
  for (;;) {
    p = find_quote_or_backslash(p);
    if (*p == '"') return p + 1;
    p += 2;
  }
}

inline const char* skip_container(const char* p) noexcept {
  int depth = 0;
  do {
    p = find_quote_or_bracket(p);
    if (*p == '"') {
      p = skip_string(p);
    } else {
      depth += (*p == '{' || *p == '[') ? 1 : -1;
      ++p;
    }
  } while (depth > 0);
  return p;
}

/// From a value's first byte to behind its last one.
inline const char* skip_value(const char* p) noexcept {
  if (*p == '"') return skip_string(p);
  if (*p == '{' || *p == '[') return skip_container(p);
  while (*p != ',' && *p != '}' && *p != ']' && !is_json_space(*p)) ++p;
  return p;
}

}  // namespace chatcore::protocol
