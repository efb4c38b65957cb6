#pragma once

#include <cstdint>

#include "graft/data/sample.h"
#include "graft/data/text.h"
#include "graft/image/image.h"

namespace graft::data {

/// What the samples of a source are.
enum class Content : uint8_t { images, texts };

/// Where samples and their labels come from. Derive from it to train on data of your own, and
/// override `load` for pictures, or `content` and `text` for texts; `make_dataset` (dataset.h)
/// splits it.
class Source {
 public:
  Source() = default;
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  virtual Content content() const { return Content::images; }
  virtual int64_t size() const = 0;
  virtual const Sample& sample(int64_t i) const = 0;
  /// Decodes picture `i`. Called from several threads at once; throws graft::Error naming the file
  /// when the picture is unreadable, which counts as a bad sample and does not end a run by itself.
  virtual image::Image load(int64_t i) const;
  /// Text `i`. Called from several threads at once.
  virtual Text text(int64_t i) const;
};

}  // namespace graft::data
