#pragma once

#include "graft/base/parallel.h"
#include "graft/data/dataset.h"
#include "graft/text/chat/record_encoder.h"

namespace graft::data {

/// Texts that are learned whole (records of the shape `text`) and have more tokens than a sample
/// may have become several samples, cut at white space where there is some; other records are cut
/// when they are tokenized. Says so in the notes.
void split_long_texts(Dataset& data, const texts::RecordEncoder& encoder, ThreadPool& pool);

/// The same for samples that are texts and no records; pairs are cut when they are tokenized.
void split_long_texts(Dataset& data, const texts::Preprocess& preprocess, ThreadPool& pool);

}  // namespace graft::data
