#pragma once

#include <string>

#include "graft/report/box_measure.h"
#include "graft/report/confusion.h"
#include "graft/report/run_folder.h"

namespace graft::report {

/// Precision over recall at overlap 0.5, as COCO reads it: of each class, and their mean. Empty
/// without objects.
std::string precision_recall_chart(const BoxMeasure& measure);

/// AP50 and AP of each class, and how many objects it has: the summary's numbers, else those of the
/// predictions. Of many classes the 20 with the lowest AP50. Empty without classes.
std::string class_bars(const RunFolder& run, const BoxMeasure& measure);

/// Objects by the class of the box that stands for them, at the measure's threshold
/// (eval/box_pairs.h). Its last class is the background: as a row boxes without an object, as a
/// column objects without a box. Classes that have neither are left out. Empty where nothing is
/// counted.
Confusion count_box_confusion(const RunFolder& run, const BoxMeasure& measure);

}  // namespace graft::report
