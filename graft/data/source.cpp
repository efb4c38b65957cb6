#include "graft/data/source.h"

#include "graft/base/error.h"

namespace graft::data {

image::Image Source::load(int64_t i) const {
  fail_unreadable("{} is no picture: the source holds texts", sample(i).id);
}

Text Source::text(int64_t i) const {
  fail_unreadable("{} is no text: the source holds pictures", sample(i).id);
}

}  // namespace graft::data
