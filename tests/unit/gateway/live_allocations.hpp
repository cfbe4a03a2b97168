#pragma once

/// How many allocations of this program are not freed: what a reference count leaks or frees is seen here.
[[nodiscard]] long live_allocations() noexcept;
