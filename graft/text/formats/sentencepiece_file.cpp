#include "graft/text/formats/protobuf.h"
#include "graft/text/formats/sentencepiece.h"
#include "graft/text/unicode/utf8.h"

namespace graft::texts {
namespace {

using Field = ProtoReader::Field;

void read_piece(std::string_view bytes, SentencePieceModel& model, const std::string& where) {
  ProtoReader reader(bytes, where);
  std::string piece;
  float score = 0;
  int type = SentencePieceModel::normal;
  while (const auto field = reader.next()) {
    if (field->number == 1) piece = std::string(field->bytes);
    if (field->number == 2) score = field->real();
    if (field->number == 3) type = static_cast<int>(field->integer & 0xff);
  }
  if (!is_valid_utf8(piece))
    fail_unreadable("{}: piece {} is not UTF-8", where, model.pieces.size());
  model.pieces.push_back(std::move(piece));
  model.scores.push_back(score);
  model.types.push_back(type);
}

void read_trainer(std::string_view bytes, SentencePieceModel& model, const std::string& where) {
  constexpr uint64_t kUnigram = 1;
  constexpr uint64_t kBpe = 2;
  model.bos = 1;
  model.eos = 2;
  ProtoReader reader(bytes, where);
  while (const auto field = reader.next()) {
    switch (field->number) {
      case 3:
        if (field->integer != kUnigram && field->integer != kBpe) {
          fail_unreadable(
              "{}: the model is of type {} (word or char); only BPE and unigram can be read", where,
              field->integer);
        }
        model.kind = field->integer == kBpe ? SentencePieceModel::Kind::bpe
                                            : SentencePieceModel::Kind::unigram;
        break;
      case 24:
        model.space_as_suffix = field->integer != 0;
        break;
      case 35:
        model.byte_fallback = field->integer != 0;
        break;
      case 41:
        model.bos = static_cast<int32_t>(field->integer);
        break;
      case 42:
        model.eos = static_cast<int32_t>(field->integer);
        break;
      default:
        break;
    }
  }
}

void read_normalizer(std::string_view bytes, SentencePieceModel& model, const std::string& where) {
  ProtoReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->number == 2) model.charsmap = std::string(field->bytes);
    if (field->number == 3) model.dummy_prefix = field->integer != 0;
    if (field->number == 4) model.remove_extra_spaces = field->integer != 0;
    if (field->number == 5) model.escape_spaces = field->integer != 0;
  }
}

}  // namespace

SentencePieceModel read_sentencepiece(const std::string& bytes, const std::string& where) {
  SentencePieceModel model;
  model.kind = SentencePieceModel::Kind::unigram;
  ProtoReader reader(bytes, where);
  while (const auto field = reader.next()) {
    if (field->number == 1) read_piece(field->bytes, model, where);
    if (field->number == 2) read_trainer(field->bytes, model, where);
    if (field->number == 3) read_normalizer(field->bytes, model, where);
  }
  if (model.pieces.empty())
    fail_unreadable("{}: a sentencepiece model without pieces; fetch it again", where);
  return model;
}

TokenizerParts parts_of_sentencepiece(const std::string& bytes, const std::string& where,
                                      const TokenizerConfig& config) {
  return sentencepiece_parts(read_sentencepiece(bytes, where), where, config);
}

}  // namespace graft::texts
