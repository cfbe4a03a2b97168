#pragma once

/// The library's version, as the installed package's version file has it.
#define CHATCORE_VERSION_MAJOR 0
#define CHATCORE_VERSION_MINOR 1
#define CHATCORE_VERSION_PATCH 0
#define CHATCORE_VERSION_STRING "0.1.0"

#if defined(CHATCORE_SHARED)
#define CHATCORE_API __attribute__((visibility("default")))
#else
#define CHATCORE_API
#endif
