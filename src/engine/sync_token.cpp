#include "engine/sync_token.hpp"

#include <sodium.h>

#include <array>
#include <cstring>

#include "core/bytes.hpp"

namespace chatcore::engine {

namespace {

constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::size_t kSealBytes = crypto_shorthash_BYTES;

// What follows `since`.
constexpr std::uint64_t kPage = 1;
constexpr std::uint64_t kStart = 2;  // a page, and its place in the order

using Seal = std::array<unsigned char, kSealBytes>;

std::uint64_t short_hash(std::string_view bytes, std::uint64_t key) {
  std::array<unsigned char, crypto_shorthash_KEYBYTES> keyBytes{};
  std::memcpy(keyBytes.data(), &key, sizeof key);
  Seal seal;
  crypto_shorthash(seal.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                   keyBytes.data());
  std::uint64_t hash = 0;
  std::memcpy(&hash, seal.data(), sizeof hash);
  return hash;
}

/// Of the store and the user too: a token of either other is garbage.
std::uint64_t seal_of(std::string_view body, std::uint64_t origin, std::string_view user) {
  std::string sealed(user);
  sealed.push_back('\0');
  sealed.append(body);
  return short_hash(sealed, origin);
}

std::string to_base64(std::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kVariant);
  text.pop_back();  // the terminator
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(text.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &size, &end, kVariant) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::uint64_t SyncToken::hash_of(std::string_view conversationId) { return short_hash(conversationId, 0); }

void SyncToken::know_large(std::string_view conversationId, Seq seq) {
  const std::uint64_t hash = hash_of(conversationId);
  if (const auto known = large.find(hash); known != large.end())
    known->second = seq;
  else if (large.size() < kMaxLarge)
    large.emplace(hash, seq);
}

std::optional<Seq> SyncToken::known_large(std::string_view conversationId) const {
  const auto known = large.find(hash_of(conversationId));
  if (known == large.end()) return std::nullopt;
  return known->second;
}

std::string encode_token(const SyncToken& token, std::uint64_t origin, std::string_view user) {
  std::string body;
  put_number(body, token.since);
  put_number(body, token.start ? kStart : token.page ? kPage : 0);
  if (token.page) {
    put_number(body, token.page->end);
    put_text(body, token.page->after);
    put_number(body, token.page->from);
  }
  if (token.start) {
    put_number(body, static_cast<std::uint64_t>(token.start->lastEventAt));
    put_number(body, token.start->again ? 1 : 0);
    put_number(body, token.start->newest);
  }
  for (const auto& [hash, seq] : token.large) {
    put_fixed(body, hash);
    put_number(body, seq);
  }
  std::string sealed;
  put_fixed(sealed, seal_of(body, origin, user));
  return std::string(kTimelineToken) + to_base64(sealed + body);
}

std::optional<SyncToken> decode_token(std::string_view text, std::uint64_t origin, std::string_view user) {
  if (!text.starts_with(kTimelineToken)) return std::nullopt;
  const auto bytes = from_base64(text.substr(kTimelineToken.size()));
  if (!bytes || bytes->size() < kSealBytes) return std::nullopt;
  const std::string_view body = std::string_view(*bytes).substr(kSealBytes);
  if (ByteReader(*bytes).fixed() != seal_of(body, origin, user)) return std::nullopt;
  ByteReader reader(body);
  SyncToken token;
  token.since = reader.number();
  const std::uint64_t kind = reader.number();
  if (kind != 0) {
    token.page.emplace();
    token.page->end = reader.number();
    token.page->after = reader.text();
    token.page->from = reader.number();
  }
  if (kind == kStart) {
    token.start.emplace();
    token.start->lastEventAt = static_cast<Timestamp>(reader.number());
    token.start->again = reader.number() != 0;
    token.start->newest = static_cast<std::uint32_t>(reader.number());
  }
  while (reader.more()) {
    const std::uint64_t hash = reader.fixed();
    token.large.emplace(hash, reader.number());
  }
  if (!reader.done()) return std::nullopt;
  return token;
}

}  // namespace chatcore::engine
