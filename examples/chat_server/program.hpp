#pragma once

#include <functional>

#include "chatcore/server/server.hpp"

namespace chat_server {

/// The whole program, from its flags to its exit code. `between`: tests put something between the server and
/// its ports here.
int run(int argc, char** argv, const std::function<void(chatcore::ServerPorts&)>& between = {});

}  // namespace chat_server
