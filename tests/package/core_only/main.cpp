#include <chatcore/error.hpp>
#include <chatcore/model/ids.hpp>
#include <iostream>

int main() {
  std::cout << chatcore::direct_conversation_id("alice", "bob") << ' '
            << chatcore::to_string(chatcore::ErrorCode::not_a_member) << '\n';
}
