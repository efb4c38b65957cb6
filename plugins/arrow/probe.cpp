// cmake/graft_arrow.cmake tries whether this compiles and links: what plugin.cpp needs of Arrow, in
// its newer forms.
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <string>

int main(int, char** arguments) {
  arrow::CappedMemoryPool pool(arrow::system_memory_pool(), 1 << 20);
  parquet::ReaderProperties properties(&pool);
  properties.set_page_checksum_verification(true);
  auto file = arrow::io::ReadableFile::Open(std::string(arguments[0]));
  auto reader = parquet::arrow::FileReader::Make(
      &pool, parquet::ParquetFileReader::Open(*file, properties), parquet::ArrowReaderProperties());
  std::shared_ptr<arrow::RecordBatchReader> batches =
      (*reader)->GetRecordBatchReader().ValueOrDie();
  return batches->schema()->num_fields();
}
