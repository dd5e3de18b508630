// Side outputs: further streams that a stage gives out beside its main one, each under a tag that has a name and a
// type. A stage emits to a tag whether anybody asked for it or not; what nobody asked for is dropped.
#pragma once

#include <memory>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "millstream/channel/output.hpp"

namespace millstream::inline v0 {

/// Names a side output and the type of its records:
///   const ms::OutputTag<Order> suspicious{"suspicious"};
template <class T>
class OutputTag {
 public:
  explicit OutputTag(std::string name) : name_{std::move(name)} {}
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
};

/// The side outputs of one stage on one shard that somebody asked for.
class MILLSTREAM_EXPORT SideOutputs {
 public:
  SideOutputs();
  ~SideOutputs();

  void add(std::string name, std::type_index type, std::unique_ptr<OutputBase> output);
  /// Null if nobody asked for it. The graph has made sure that the types agree.
  template <class T>
  [[nodiscard]] Output<T>* find(const OutputTag<T>& tag) {
    for (Entry& entry : entries_) {
      if (entry.name == tag.name() && entry.type == std::type_index{typeid(T)}) {
        return static_cast<Output<T>*>(entry.output.get());
      }
    }
    return nullptr;
  }
  [[nodiscard]] OutputBase* find(const std::string& name) {
    for (Entry& entry : entries_) {
      if (entry.name == name) return entry.output.get();
    }
    return nullptr;
  }
  /// An empty batch for records of this tag at the place that the side output has reached; null if nobody asked for it.
  template <class T>
  [[nodiscard]] BatchOf<T> begin(const OutputTag<T>& tag) {
    for (Entry& entry : entries_) {
      if (entry.name != tag.name() || entry.type != std::type_index{typeid(T)}) continue;
      BatchOf<T> batch = static_cast<Output<T>&>(*entry.output).make();
      batch->start = entry.sent;
      return batch;
    }
    return {};
  }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] bool ready();
  Progress drain();
  [[nodiscard]] bool outboxes_empty() const;
  /// Tells every side output what the main one is told: watermark and control, as a batch without records.
  /// `ingested_ns` is the input's: what the mark fires further down is as old.
  void forward(const Watermarks& at, Control control, std::int64_t ingested_ns);

 private:
  struct Entry {
    std::string name;
    std::type_index type;
    std::unique_ptr<OutputBase> output;
    Watermarks sent = {};
  };
  std::vector<Entry> entries_;
};

}  // namespace millstream::inline v0
