#pragma once

// Header-only: the one public header that needs Asio, for hosts that use it themselves.
#if !defined(ASIO_STANDALONE)
#define ASIO_STANDALONE
#endif
#include <asio/any_io_executor.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <functional>
#include <utility>

#include "chatcore/completion.hpp"

namespace chatcore {

/// An Asio executor as chatcore's: completions run on it. The context behind it must outlive every call that
/// was given this object, and the object too.
class AsioExecutor final : public Executor {
 public:
  explicit AsioExecutor(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  void post(Task task) override {
    asio::post(executor_, [task = std::move(task)]() mutable { task(); });
  }

 private:
  asio::any_io_executor executor_;
};

/// Calls a port with any Asio completion token; completes with `void(Value)` on the token's executor. `start`
/// is called once with the executor and the completion to hand to the port:
///
///     auto found = co_await async_call<std::vector<Result<User>>>(
///         executor, [&](Executor& on, auto done) { directory.users({"alice"}, on, std::move(done)); },
///         asio::use_awaitable);
template <class Value, class Start, class Token>
auto async_call(Executor& executor, Start start, Token&& token) {
  return asio::async_initiate<Token, void(Value)>(
      [](auto handler, Executor* on, Start begin) {
        begin(*on, Completion<Value>([handler = std::move(handler)](Value value) mutable {
          const auto target = asio::get_associated_executor(handler);
          asio::dispatch(target, [handler = std::move(handler), value = std::move(value)]() mutable {
            std::move(handler)(std::move(value));
          });
        }));
      },
      token, &executor, std::move(start));
}

}  // namespace chatcore
