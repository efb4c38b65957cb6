#include "graft/train/earlier_objects.h"

#include <torch/types.h>

#include <algorithm>

#include "graft/base/error.h"
#include "graft/base/files.h"
#include "graft/data/box_inputs.h"
#include "graft/data/replay.h"
#include "graft/models/detector.h"

namespace graft::train {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFile = "earlier_objects.json";
/// What overlaps a marked object by more is that object.
constexpr float kSameObject = 0.5F;

using Objects = std::vector<std::vector<data::BoxLabel>>;  // of each position of the training split

data::BoxLabel object_of(const image::Box& box, int label) {
  data::BoxLabel object;
  object.box = box;
  object.label = label;
  object.area = box.area();
  return object;
}

bool is_marked(const image::Box& found, const std::vector<data::BoxLabel>& marked) {
  return std::ranges::any_of(marked, [&](const data::BoxLabel& object) {
    return image::iou(object.box, found) > kSameObject;
  });
}

/// What was found of `classes` and is not marked.
std::vector<data::BoxLabel> new_objects(const models::Detections& found,
                                        const std::vector<int>& classes,
                                        const std::vector<data::BoxLabel>& marked) {
  std::vector<data::BoxLabel> objects;
  for (const models::Detection& one : found) {
    if (std::ranges::binary_search(classes, one.label) && !is_marked(one.box, marked))
      objects.push_back(object_of(one.box, one.label));
  }
  return objects;
}

Objects find(Job& job, Reader& reader, const Deadline& deadline, const std::vector<int>& classes) {
  const data::View& train = job.data.train;
  const auto detector = models::make_detector(job.model());
  const models::DetectOptions options = models::detect_options(job.model());
  const int64_t replayed = data::replay_begin(train);
  Objects objects(static_cast<size_t>(train.size()));
  const auto visitor = [&](const nn::Flow& result, const std::vector<int64_t>& positions) {
    const auto found = models::find_in_pictures(job.model(), *detector, result, options);
    for (size_t i = 0; i < positions.size(); ++i) {
      if (train.index(positions[i]) >= replayed) continue;
      objects[static_cast<size_t>(positions[i])] =
          new_objects(found[i], classes, train.sample(positions[i]).boxes);
    }
  };
  reader.visit(train, reader.spread(train), job.model().size(), deadline, true, visitor);
  return objects;
}

Json to_json(const Objects& objects) {
  Json list = Json::array();
  for (const auto& here : objects) {
    Json boxes = Json::array();
    for (const data::BoxLabel& o : here)
      boxes.push_back({o.box.x0, o.box.y0, o.box.x1, o.box.y1, o.label});
    list.push_back(boxes);
  }
  return {{"train", list}};
}

data::BoxLabel read_object(const Json& box, size_t classes, const fs::path& file) {
  const auto numbers = box.get<std::vector<float>>();
  if (numbers.size() != 5 || !(numbers[4] >= 0 && numbers[4] < static_cast<float>(classes)))
    fail_unreadable("{}: a box must be four corners and a class, got {}", file.string(),
                    box.dump());
  return object_of({numbers[0], numbers[1], numbers[2], numbers[3]}, static_cast<int>(numbers[4]));
}

Objects read_objects(const fs::path& file, const Job& job) {
  if (file.empty() || !fs::exists(file)) {
    fail_unreadable(
        "{} is gone: it holds the objects that the earlier model found, and the weights have "
        "moved since; start the run again with overwrite=true",
        file.string());
  }
  const Json list = read_json(file).value("train", Json::array());
  if (list.size() != static_cast<size_t>(job.data.train.size())) {
    fail_unreadable(
        "{} is of other data: the train split has {} pictures now; put the data back as they were, "
        "or start the run again with overwrite=true",
        file.string(), job.data.train.size());
  }
  const size_t classes = job.model().classes().size();
  Objects objects;
  for (const Json& boxes : list) {
    objects.emplace_back();
    for (const Json& box : boxes) objects.back().push_back(read_object(box, classes, file));
  }
  return objects;
}

/// Without samples of earlier data, which have their own marks.
data::View new_part(const data::View& view) {
  data::View part{view.source, {}};
  const int64_t end = data::replay_begin(view);
  std::ranges::copy_if(view.indices, std::back_inserter(part.indices),
                       [end](int64_t index) { return index < end; });
  return part;
}

}  // namespace

std::vector<int> unmarked_classes(const Job& job) {
  std::vector<int> classes;
  if (!job.config.at("train", "distill").get<bool>()) return classes;
  const auto counts = new_part(job.data.train).class_counts(job.model().classes().size());
  for (size_t c = 0; c < std::min(counts.size(), job.earlier_classes.size()); ++c) {
    if (counts[c] == 0) classes.push_back(static_cast<int>(c));
  }
  return classes;
}

void add_earlier_objects(Job& job, Reader& reader, const Deadline& deadline, const fs::path& folder,
                         bool goes_on) {
  const std::vector<int> classes = unmarked_classes(job);
  if (classes.empty()) return;
  const fs::path file = folder.empty() ? fs::path() : folder / kFile;
  Objects objects = goes_on ? read_objects(file, job) : find(job, reader, deadline, classes);
  if (!goes_on && !file.empty()) {
    fs::create_directories(folder);
    write_json(file, to_json(objects));
  }
  dynamic_cast<data::BoxInputs&>(*job.inputs).add_objects(job.data.train, std::move(objects));
}

}  // namespace graft::train
