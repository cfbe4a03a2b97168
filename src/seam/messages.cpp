#include "seam/messages.hpp"

#include <utility>

#include "seam/packet.hpp"

namespace chatcore::seam {

namespace {

using Millis = std::chrono::milliseconds;

/// Writes fields one after the other.
struct Writer {
  std::string& out;

  void operator()(std::uint64_t value) { put_number(out, value); }
  void operator()(std::uint32_t value) { put_number(out, value); }
  void operator()(std::uint16_t value) { put_number(out, value); }
  void operator()(bool value) { out.push_back(value ? 1 : 0); }
  void operator()(Millis value) { put_number(out, static_cast<std::uint64_t>(value.count())); }
  void operator()(CloseCode value) { put_number(out, static_cast<std::uint16_t>(value)); }
  void operator()(DeliveryClass value) { out.push_back(static_cast<char>(value)); }
  void operator()(std::string_view value) { put_text(out, value); }
  template <class A, class B>
  void operator()(const std::pair<A, B>& value) {
    (*this)(value.first);
    (*this)(value.second);
  }
  template <class T>
  void operator()(const std::vector<T>& values) {
    put_number(out, values.size());
    for (const T& value : values) (*this)(value);
  }
  void operator()(const FrameImage& frame) { frame.each(frame, *this); }
};

/// Reads them again, and holds what is out of range to be an error.
struct Reader {
  ByteReader& in;

  void operator()(std::uint64_t& value) { value = in.number(); }
  void operator()(std::uint32_t& value) { value = bounded<std::uint32_t>(UINT32_MAX); }
  void operator()(std::uint16_t& value) { value = bounded<std::uint16_t>(UINT16_MAX); }
  void operator()(bool& value) { value = bounded<std::uint8_t>(1) != 0; }
  void operator()(Millis& value) { value = Millis(bounded<std::int64_t>(kMaxMillis)); }
  void operator()(CloseCode& value) { value = static_cast<CloseCode>(bounded<std::uint16_t>(UINT16_MAX)); }
  void operator()(DeliveryClass& value) {
    value = static_cast<DeliveryClass>(
        bounded<std::uint8_t>(static_cast<std::uint8_t>(DeliveryClass::ephemeral)));
  }
  void operator()(std::string_view& value) { value = in.text(); }
  void operator()(TopicName& value) {
    value = in.text();
    if (value.size() > kMaxTopicBytes) in.fail();
  }
  template <class A, class B>
  void operator()(std::pair<A, B>& value) {
    (*this)(value.first);
    (*this)(value.second);
  }
  template <class T>
  void operator()(std::vector<T>& values) {
    values.resize(in.count(1));
    for (T& value : values) (*this)(value);
  }
  void operator()(FrameImage& frame) {
    frame.each(frame, *this);
    if (frame.markKey.size() > UINT8_MAX) in.fail();
  }

 private:
  template <class T>
  T bounded(std::uint64_t most) {
    const std::uint64_t value = in.number();
    if (value > most) in.fail();
    return in.ok() ? static_cast<T>(value) : T{};
  }
};

/// The alternative's number, then its fields.
template <class Variant>
void append_any(std::string& out, const Variant& message) {
  out.push_back(static_cast<char>(message.index()));
  Writer writer{out};
  std::visit([&](const auto& one) { one.each(one, writer); }, message);
}

template <class Variant, std::size_t... Index>
std::optional<Variant> read_any(ByteReader& in, std::index_sequence<Index...>) {
  const std::size_t which = in.byte();
  std::optional<Variant> message;
  static_cast<void>(((which == Index ? (message.emplace(std::in_place_index<Index>), true) : false) || ...));
  if (!message) in.fail();
  if (!in.ok()) return std::nullopt;
  Reader reader{in};
  std::visit([&](auto& one) { one.each(one, reader); }, *message);
  if (!in.ok()) return std::nullopt;
  return message;
}

}  // namespace

void append(std::string& out, const Downward& message) { append_any(out, message); }
void append(std::string& out, const Upward& message) { append_any(out, message); }

std::optional<Downward> read_downward(ByteReader& reader) {
  return read_any<Downward>(reader, std::make_index_sequence<std::variant_size_v<Downward>>());
}
std::optional<Upward> read_upward(ByteReader& reader) {
  return read_any<Upward>(reader, std::make_index_sequence<std::variant_size_v<Upward>>());
}

}  // namespace chatcore::seam
