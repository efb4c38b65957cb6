#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graft/base/parallel.h"
#include "graft/data/dataset.h"

namespace graft::data {

/// Pieces of a text that `fits` takes, cut at white space where there is some, else between
/// characters; what cannot be cut stays as it is. `fits` is told whether a piece is the text's
/// last.
std::vector<std::string> pieces_of(
    const std::string& text, const std::function<bool(const std::string& piece, bool last)>& fits);

/// The texts that a sample's text becomes; one or none: it stays as it is. Called by several
/// threads at once.
using DivideText = std::function<std::vector<std::string>(const Text& text)>;

/// Makes of each sample of the source that data.train has as many as `divide` says, called like the
/// sample with ":1", ":2" … behind it. Says so in the notes; `most` are the tokens that a text may
/// have.
void divide_samples(Dataset& data, const DivideText& divide, int64_t most, ThreadPool& pool);

}  // namespace graft::data
