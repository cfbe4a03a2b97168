#include "live_allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<long> live{0};
}

long live_allocations() noexcept { return live.load(); }

#if defined(__SANITIZE_THREAD__)
#define HAS_OPERATORS_OF_ITS_OWN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_OPERATORS_OF_ITS_OWN
#endif
#endif

#ifdef HAS_OPERATORS_OF_ITS_OWN

#include <sanitizer/allocator_interface.h>

// ThreadSanitizer's `operator new` cannot be replaced, but watched.
[[maybe_unused]] static const int watched = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { ++live; },
    [](const volatile void* memory) { live -= memory != nullptr ? 1 : 0; });

#else

void* operator new(std::size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  ++live;
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  --live;
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

#endif
