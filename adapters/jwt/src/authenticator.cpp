#include "chatcore/jwt/authenticator.hpp"

#include <algorithm>

#include "token.hpp"

namespace chatcore {

namespace {

Error refuse(std::string message) { return Error{ErrorCode::invalid_argument, std::move(message)}; }

bool repeats_a_kid(const std::vector<JwtKey>& keys) {
  std::vector<std::string> kids;
  for (const JwtKey& key : keys) {
    if (!key.kid().empty()) kids.push_back(key.kid());
  }
  std::sort(kids.begin(), kids.end());
  return std::adjacent_find(kids.begin(), kids.end()) != kids.end();
}

}  // namespace

JwtAuthenticator::JwtAuthenticator(std::vector<JwtKey> keys, JwtOptions options, Clock& clock)
    : keys_(std::move(keys)), options_(std::move(options)), clock_(clock) {}

Result<std::unique_ptr<JwtAuthenticator>> JwtAuthenticator::create(std::vector<JwtKey> keys,
                                                                   JwtOptions options, Clock& clock) {
  if (keys.empty() || keys.size() > kMaxKeys) return refuse("JWT authentication takes 1 to 16 keys");
  if (repeats_a_kid(keys)) return refuse("two JWT keys have the same kid");
  if (options.leeway < std::chrono::seconds(0) || options.leeway > std::chrono::minutes(10)) {
    return refuse("the JWT leeway is 0 to 10 minutes");
  }
  return std::unique_ptr<JwtAuthenticator>(new JwtAuthenticator(std::move(keys), std::move(options), clock));
}

void JwtAuthenticator::authenticate(std::vector<Credentials> batch, Executor& executor,
                                    Completion<std::vector<Result<Identity>>> done) {
  std::vector<Result<Identity>> answers;
  answers.reserve(batch.size());
  const Timestamp now = clock_.now();
  for (const Credentials& credentials : batch) {
    answers.push_back(jwt::identify(credentials.token, keys_, options_, now));
  }
  complete(executor, std::move(done), std::move(answers));
}

}  // namespace chatcore
