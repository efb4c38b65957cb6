#pragma once

#include <string>
#include <vector>

#include "graft/data/listing.h"

namespace graft::data {

/// What labels are taken for (`data.labels`).
enum class LabelKind : uint8_t { automatic, classes, numbers };

/// All labels of the listing are numbers.
bool has_values(const Listing& listing);
/// The values are learned: no labels, one class called "value".
void become_regression(Listing& listing);

/// Makes the parts of one data set agree: regression when `kind` says so, or, left to itself, when
/// one part has numbers that are not whole; classes otherwise. A label that is no number where
/// numbers are meant is an error (exit code 3). Returns whether it is regression.
bool settle_labels(std::vector<Listing>& listings, LabelKind kind);

/// Gives classes that are called 0 … n-1 (or 1 … n, when n is among them and 0 is not) the n names,
/// when none of the names is a class already. Returns whether it did.
bool name_numbers(std::vector<Listing>& listings, const std::vector<std::string>& names);

}  // namespace graft::data
