#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <arrow/util/utf8.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <stdexcept>

#include "graft/data/parquet_rows.h"
#include "plugins/arrow/features.h"
#include "plugins/arrow/values.h"

/// The plugin that graft/data/parquet_rows.cpp loads. It holds nothing of graft's libraries, and
/// says what is wrong by std::runtime_error, which both sides know.
namespace graft::arrow_plugin {
namespace {

constexpr int64_t kMaxRows = int64_t{1} << 31;
constexpr int64_t kBatchBytes = int64_t{8} << 20;
constexpr int64_t kBatchRows = 4096;

void check(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

template <typename T>
T value_of(arrow::Result<T> result) {
  check(result.status());
  return std::move(result).ValueUnsafe();
}

void check_names(const arrow::FieldVector& fields) {
  for (const auto& field : fields) {
    if (!arrow::util::ValidateUTF8(field->name()))
      throw std::runtime_error("the name of a column is not UTF-8");
    check_names(field->type()->fields());
  }
}

/// Columns that pandas adds for the index of a table.
bool is_index(const std::string& name) {
  return name.starts_with("__index_level_") && name.ends_with("__");
}

class Rows final : public data::ParquetRows {
 public:
  Rows(const std::string& path, int64_t max_bytes) : pool_(arrow::system_memory_pool(), max_bytes) {
    arrow::util::InitializeUTF8();
    parquet::ReaderProperties reading(&pool_);
    reading.enable_buffered_stream();
    reading.set_page_checksum_verification(true);
    auto file =
        parquet::ParquetFileReader::Open(value_of(arrow::io::ReadableFile::Open(path)), reading);
    size_ = file->metadata()->num_rows();
    if (size_ < 0 || size_ > kMaxRows)
      throw std::runtime_error("it claims to have " + std::to_string(size_) + " rows");
    parquet::ArrowReaderProperties properties(/*use_threads=*/false);
    properties.set_pre_buffer(false);
    properties.set_batch_size(rows_a_batch(*file->metadata()));
    reader_ = value_of(parquet::arrow::FileReader::Make(&pool_, std::move(file), properties));
    check(reader_->GetSchema(&schema_));
    if (schema_->num_fields() == 0) throw std::runtime_error("it has no columns");
    check_names(schema_->fields());
    if (const auto& metadata = schema_->metadata(); metadata && metadata->Contains("huggingface"))
      features_ = read_features(value_of(metadata->Get("huggingface")));
    batches_ = value_of(reader_->GetRecordBatchReader());
  }

  int64_t size() const override { return size_; }

  bool next(Json& row) override {
    while (!batch_ || at_ == batch_->num_rows()) {
      check(batches_->ReadNext(&batch_));
      if (!batch_) return false;
      at_ = 0;
    }
    row = Json::object();
    for (int k = 0; k < batch_->num_columns(); ++k) {
      const std::string& name = batch_->column_name(k);
      if (!is_index(name)) row[name] = value_at(*batch_->column(k), at_, features_.field(name));
    }
    ++at_;
    return true;
  }

 private:
  static int64_t rows_a_batch(const parquet::FileMetaData& metadata) {
    int64_t bytes = 0;
    for (int i = 0; i < metadata.num_row_groups(); ++i)
      bytes += std::max<int64_t>(0, metadata.RowGroup(i)->total_byte_size());
    const int64_t each = bytes / std::max<int64_t>(1, metadata.num_rows());
    return std::clamp<int64_t>(kBatchBytes / std::max<int64_t>(1, each), 1, kBatchRows);
  }

  arrow::CappedMemoryPool pool_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::Schema> schema_;
  Feature features_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  int64_t size_ = 0;
  int64_t at_ = 0;
};

}  // namespace
}  // namespace graft::arrow_plugin

extern "C" __attribute__((visibility("default"))) graft::data::ParquetRows* graft_open_parquet(
    const char* path, int64_t max_bytes) {
  return new graft::arrow_plugin::Rows(path, max_bytes);
}
