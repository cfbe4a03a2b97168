#pragma once

/// Everything a host program needs of chatcore::core. Adapters have headers of their own.
#include "chatcore/engine/options.hpp"       // IWYU pragma: export
#include "chatcore/error.hpp"                // IWYU pragma: export
#include "chatcore/gateway/options.hpp"      // IWYU pragma: export
#include "chatcore/model/conversation.hpp"   // IWYU pragma: export
#include "chatcore/model/event.hpp"          // IWYU pragma: export
#include "chatcore/model/event_list.hpp"     // IWYU pragma: export
#include "chatcore/model/ids.hpp"            // IWYU pragma: export
#include "chatcore/model/user.hpp"           // IWYU pragma: export
#include "chatcore/ports/authenticator.hpp"  // IWYU pragma: export
#include "chatcore/ports/directory.hpp"      // IWYU pragma: export
#include "chatcore/ports/hooks.hpp"          // IWYU pragma: export
#include "chatcore/ports/log_store.hpp"      // IWYU pragma: export
#include "chatcore/result.hpp"               // IWYU pragma: export
#include "chatcore/server/server.hpp"        // IWYU pragma: export
#include "chatcore/version.hpp"              // IWYU pragma: export
