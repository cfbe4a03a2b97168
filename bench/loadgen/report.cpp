#include "report.hpp"

#include <cstdio>

namespace chatcore::bench {
namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

void add_latency(Figures& figures, const std::string& name, const Histogram& histogram) {
  const auto microseconds = [](std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1000; };
  figures.emplace_back(name + "P50Us", microseconds(histogram.percentile(0.50)));
  figures.emplace_back(name + "P95Us", microseconds(histogram.percentile(0.95)));
  figures.emplace_back(name + "P99Us", microseconds(histogram.percentile(0.99)));
  figures.emplace_back(name + "MaxUs", microseconds(histogram.max()));
}

}  // namespace

void print_figures(const Options& options, const Figures& figures) {
  if (options.json) std::printf("{\"mode\":\"%s\"", options.mode.c_str());
  for (const auto& [name, value] : figures) {
    std::printf(options.json ? ",\"%s\":%.3f" : "%-28s %16.3f\n", name.c_str(), value);
  }
  if (options.json) std::printf("}\n");
}

int report(const Options& options, const Measurement& m, const Figures& more) {
  const auto messages = static_cast<double>(m.tally.completed);
  const auto deliveries = static_cast<double>(m.tally.deliveries);
  Figures figures = {
      {"seconds", m.seconds},
      {"messages", messages},
      {"deliveries", deliveries},
      {"messagesPerSecond", ratio(messages, m.seconds)},
      {"deliveriesPerSecond", ratio(deliveries, m.seconds)},
      {"framesPerRead", ratio(static_cast<double>(m.traffic.frames), static_cast<double>(m.traffic.reads))},
  };
  add_latency(figures, "delivery", m.tally.delivery);
  add_latency(figures, "completion", m.tally.completion);
  figures.emplace_back("serverCpuNsPerDelivery", ratio(static_cast<double>(m.serverCpu), deliveries));
  figures.emplace_back("serverCpuShare", ratio(static_cast<double>(m.serverCpu), m.seconds * 1e9));
  figures.emplace_back("loadgenCpuNsPerDelivery", ratio(static_cast<double>(m.loadgenCpu), deliveries));
  figures.insert(figures.end(), more.begin(), more.end());
  print_figures(options, figures);
  if (m.tally.completed > 0) return 0;
  std::fprintf(stderr, "loadgen: no message arrived within the window\n");
  return 1;
}

}  // namespace chatcore::bench
