#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace graft::report {

struct RunFolder;

/// A TensorBoard event file: TFRecords that hold Event messages with scalar summaries.
///
///     EventFile events(folder / EventFile::file_name(wall_time));
///     events.scalar("loss/train", step, loss, wall_time);
///
/// Every record is written whole at once, so that TensorBoard can follow a run. A process writes
/// its own file; TensorBoard joins those of a folder.
class EventFile {
 public:
  /// Creates the file (an existing one is replaced) with the version record. Throws when the folder
  /// cannot be written.
  explicit EventFile(const std::filesystem::path& path, double wall_time = 0);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  /// `wall_time` in seconds since 1970. Reaches the file within a second while others follow, and
  /// when this is destroyed. Throws when the disk is full.
  void scalar(const std::string& tag, int64_t step, double value, double wall_time);

  /// A name that TensorBoard finds: "events.out.tfevents.<seconds>.graft".
  static std::string file_name(double wall_time);

 private:
  void record(const std::string& message);
  void flush();
  int file_ = -1;
  std::string waiting_;
  double flushed_s_ = 0;
  std::string path_;
};

/// One record: length, its checksum, the message, its checksum (all little-endian).
std::string tf_record(const std::string& message);
/// An Event message with one scalar.
std::string scalar_event(const std::string& tag, int64_t step, double value, double wall_time);

/// Writes all curves of a run into one event file; times count from `began` (seconds since 1970).
void export_events(const RunFolder& run, const std::filesystem::path& path, double began = 0);

}  // namespace graft::report
