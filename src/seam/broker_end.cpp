#include "seam/broker_end.hpp"

#include <utility>

namespace chatcore::seam {

namespace {
constexpr std::chrono::milliseconds kAskAgain{500};
constexpr std::chrono::milliseconds kComplainAgain{10'000};
}  // namespace

BrokerEnd::BrokerEnd(Ports ports, std::string own, std::vector<std::string> more)
    : ports_(ports), own_(std::move(own)), channels_(std::move(more)) {
  channels_.push_back(own_);
}

void BrokerEnd::start(Heed heed, Task ready) {
  heed_ = std::move(heed);
  ready_ = std::move(ready);
  BrokerListener listener;
  listener.messages = [this](const std::vector<BrokerMessage>& messages) {
    for (const BrokerMessage& message : messages) {
      if (const std::optional<PacketView> packet = decode_packet(*message.payload))
        heed_(*packet);
      else
        ports_.log->write(LogLevel::warn, "seam", "a packet that is none on " + message.channel);
    }
  };
  // The numbers of what comes next tell what is missing; a beat comes within a second.
  listener.discontinuity = [](const std::string&) {};
  subscription_ = ports_.broker->connect(*ports_.executor, std::move(listener));
  subscribe();
}

void BrokerEnd::subscribe() {
  asked_ = true;
  subscription_->subscribe(channels_, [busy = busy_, this](const Status& subscribed) {
    if (subscribed && !stopped_) ready_();
    if (subscribed) return;
    ports_.log->write(LogLevel::warn, "seam", "not subscribed: " + subscribed.error().message);
    asked_ = false;
    askAgainAt_ = ports_.clock->steady() + kAskAgain;
  });
}

void BrokerEnd::stop() {
  stopped_ = true;
  subscription_.reset();
}

void BrokerEnd::tick() {
  if (subscription_ != nullptr && !asked_ && ports_.clock->steady() >= askAgainAt_) subscribe();
}

void BrokerEnd::put(const std::string& channel, const std::vector<Packet>& packets) {
  if (packets.empty() || stopped_) return;
  std::vector<BrokerMessage> batch;
  batch.reserve(packets.size());
  for (const Packet& packet : packets)
    batch.push_back({channel, std::make_shared<const std::string>(encode(packet, own_))});
  ports_.broker->publish(std::move(batch), *ports_.executor, [busy = busy_, this](const Status& put) {
    const auto now = ports_.clock->steady();
    if (put || now < complainAt_) return;
    complainAt_ = now + kComplainAgain;
    ports_.log->write(LogLevel::warn, "seam", "the broker does not take packets: " + put.error().message);
  });
}

}  // namespace chatcore::seam
