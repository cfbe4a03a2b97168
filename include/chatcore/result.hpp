#pragma once

#include <cassert>
#include <type_traits>
#include <utility>
#include <variant>

#include "chatcore/error.hpp"

namespace chatcore {

/// A value or an Error: the shape of `std::expected<T, Error>`, which C++20 does not have yet.
/// Reading the side that is not there is a defect of the caller (asserted).
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return assert(has_value()), *std::get_if<0>(&state_); }               // NOLINT
  const T& value() const& { return assert(has_value()), *std::get_if<0>(&state_); }    // NOLINT
  T&& value() && { return assert(has_value()), std::move(*std::get_if<0>(&state_)); }  // NOLINT
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return assert(!has_value()), *std::get_if<1>(&state_); }               // NOLINT
  const Error& error() const& { return assert(!has_value()), *std::get_if<1>(&state_); }    // NOLINT
  Error&& error() && { return assert(!has_value()), std::move(*std::get_if<1>(&state_)); }  // NOLINT

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT: implicit by design

  [[nodiscard]] bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return has_value(); }
  const Error& error() const& { return assert(failed_), error_; }
  Error&& error() && { return assert(failed_), std::move(error_); }

 private:
  bool failed_ = false;
  Error error_;
};

using Status = Result<void>;

}  // namespace chatcore
