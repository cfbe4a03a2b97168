#include "send_hash.hpp"

#include <sodium.h>

#include <array>
#include <cassert>
#include <cstring>

#include "bytes.hpp"

namespace chatcore::rocks {

SendHash::Bytes SendHash::key() const {
  Bytes key;
  set_ordered64(key.data(), high);
  set_ordered64(key.data() + 8, low);
  return key;
}

SendHash hash_send(std::string_view hashKey, std::string_view log, std::string_view sender,
                   std::string_view clientMsgId) {
  assert(hashKey.size() == crypto_shorthash_siphashx24_KEYBYTES);
  // Counts in front keep ("ab", "c") and ("a", "bc") apart.
  std::array<unsigned char, 512> buffer;
  std::string large;
  const std::size_t size = 8 + log.size() + sender.size() + clientMsgId.size();
  unsigned char* const begin = size <= buffer.size()
                                   ? buffer.data()
                                   : reinterpret_cast<unsigned char*>((large.resize(size), large.data()));
  unsigned char* at = begin;
  const auto put = [&at](const void* bytes, std::size_t count) {
    if (count > 0) std::memcpy(at, bytes, count);
    at += count;
  };
  const auto logSize = static_cast<std::uint32_t>(log.size());
  const auto senderSize = static_cast<std::uint32_t>(sender.size());
  put(&logSize, sizeof logSize);
  put(&senderSize, sizeof senderSize);
  put(log.data(), log.size());
  put(sender.data(), sender.size());
  put(clientMsgId.data(), clientMsgId.size());
  SendHash hash;
  static_assert(sizeof hash == crypto_shorthash_siphashx24_BYTES);
  crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(&hash), begin, size,
                              reinterpret_cast<const unsigned char*>(hashKey.data()));
  return hash;
}

}  // namespace chatcore::rocks
